/** Asks for the neurons of the largest effect, while the chart that lists them is open. */

import { sameNeurons } from "../model/neurons";
import { isLost } from "../model/status";
import type { Tools } from "./tools";

const TOP = 20;

export function keepNeuronsCurrent({ store, kernel }: Tools): void {
  const { tab, scene, pending, connection, neurons, neuronLayer, direction, metric } =
    store.state();
  if (tab !== "neurons" || !scene?.can_sweep || pending !== undefined || isLost(connection)) return;
  const { pair } = scene;
  const request = { layer: neuronLayer, top: TOP, direction, metric, pair };
  if (sameNeurons(neurons?.request, request)) return;
  kernel.neurons(request, (id) =>
    store.dispatch({
      type: "neurons-asked",
      neurons: { id, request, list: undefined, reason: undefined },
    }),
  );
}
