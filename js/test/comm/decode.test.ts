import { describe, expect, it } from "vitest";
import { decode } from "../../src/comm/decode";
import { decodeResult } from "../../src/comm/decode-result";
import { furthestMoved, movementAt, reachLook } from "../../src/model/reach";
import { bytes, decodedResult, decodedScene, RECORDED, recordedResult } from "../fixtures/recorded";

describe("what Python really sent", () => {
  it("gives the reference numbers", () => {
    const readings = decodedResult("L23.H3 denoise").readings.logit_diff;
    expect(readings?.value).toBeCloseTo(1.2896, 4);
    expect(readings?.recovery).toBeCloseTo(0.5838, 4);
    expect(decodedResult("L23.H3 noise").readings.logit_diff?.value).toBeCloseTo(-0.9625, 4);
    expect(decodedResult("L23.H3 + L20.H0 denoise").readings.logit_diff?.recovery).toBeCloseTo(
      0.9848,
      4,
    );
  });

  it("says that nothing before the patch moved", () => {
    const { reach } = decodedResult("L23.H3 denoise");
    const look = (layer: number, index: number) =>
      reachLook(movementAt(reach, { layer, component: "z", index }));
    expect(look(0, 0)).toBe("zero");
    expect(look(23, 2)).toBe("zero");
    expect(look(29, 5)).toBe("moved");
  });

  it("finds the components that moved furthest", () => {
    const top = furthestMoved(decodedResult("L23.H3 denoise"), decodedScene().model, 5);
    expect(top.map((r) => r.site)).toEqual(["L29.H5", "L27.H2", "L29.H7", "L25.H8", "L25.H1"]);
    expect(top[0]?.along).toBeCloseTo(1.26, 2);
  });

  it("decodes every recorded message", () => {
    const kinds = RECORDED.map(({ message, buffers }) => decode(message, buffers.map(bytes))?.kind);
    expect(new Set(kinds)).toEqual(
      new Set(["ack", "scene", "result", "singles", "error", "cells"]),
    );
  });
});

describe("messages", () => {
  it("says what is wrong and where", () => {
    expect(() => decode({ kind: "scene", id: 1 }, [])).toThrow(
      "scene.runs: expected an object, got undefined",
    );
    expect(() => decode([], [])).toThrow("message: expected an object, got a list");
    const found = recordedResult("L23.H3 denoise");
    expect(() => decodeResult({ ...found?.message }, [])).toThrow("z.along has no buffer");
    expect(() => decodeResult({ ...found?.message, direction: "up" }, [])).toThrow(
      "result.direction: expected denoise or noise",
    );
  });

  it("takes only what there is to draw, and names that objects have by themselves", () => {
    const sent = RECORDED.find(({ message }) => message.kind === "scene")?.message ?? {};
    const { model, task } = sent as {
      model: object;
      task: { clean: string[]; corrupted: string[] };
    };
    const scene = (change: object) => decode({ ...sent, ...change }, []);
    expect(() => scene({ model: { ...model, n_layers: 2 ** 31 } })).toThrow(
      "scene.model.n_layers: expected 1000 at most, got number",
    );
    expect(() => scene({ task: { ...task, differs: [14] } })).toThrow("expected 13 at most");
    const counterparts = task.clean.map((_, i) => i);
    expect(() => scene({ task: { ...task, counterparts: [2 ** 31, ...counterparts] } })).toThrow(
      "scene.task.counterparts[0]: expected 13 at most",
    );
    expect(() => scene({ task: { ...task, counterparts: counterparts.reverse() } })).toThrow(
      "scene.task.counterparts: expected 14 in order",
    );
    const known = scene({});
    expect(known?.kind === "scene" && known.scene.model.refused.constructor).toBeUndefined();
    expect(known?.kind === "scene" && known.scene.task.positions.toString).toBeUndefined();
  });

  it("takes null for undefined numbers and leaves unknown kinds alone", () => {
    const undefinedShare = { value: 6.12, effect: 0, share: null, recovery: null, reason: "same" };
    const found = {
      ...recordedResult("L23.H3 denoise")?.message,
      readings: { logit_diff: undefinedShare },
      reach: null,
    };
    expect(decodeResult(found, []).readings.logit_diff).toEqual(undefinedShare);
    expect(decodeResult(found, []).reach).toBeUndefined();
    expect(decode({ kind: "progress", id: 3 }, [])).toBeUndefined();
  });
});
