import { describe, expect, it } from "vitest";
import { commandOf } from "../src/actions/keymap";
import { DIVERGING, diverging, hexToOklab, oklabToHex } from "../src/layout/oklab";
import { type TokenPiece, tokenPieces, tokenWidth, tokenWidths } from "../src/layout/token-row";
import { cellName, everythingBut, exactCell, layerCells, nearestCell } from "../src/model/cell";
import { towardsClean } from "../src/model/experiment";
import { samePatches } from "../src/model/patch";
import { atPosition, positionIndex, positionRange, positionText } from "../src/model/position";
import { parseSite, printSite, withoutPosition } from "../src/model/site";
import { codeOf } from "../src/text/code";
import { listed } from "../src/text/names";
import {
  effectNumber,
  metricNumber,
  percent,
  plainNumber,
  probability,
  signed,
} from "../src/text/numbers";
import { shortToken, tokenText } from "../src/text/tokens";

describe("sites", () => {
  const canonical = [
    "L9.H6",
    "L9.H6.q",
    "L9.KV2.k",
    "L9.attn_out",
    "L0.mlp_out@3:7",
    "L4.N123",
    "L4.N123.neuron_pre@-1",
    "embed",
    "L9.H0@S2",
    "L23.H3@-1",
  ];
  it.each(canonical)("%s is printed as it was read", (text) => {
    const site = parseSite(text);
    expect(site).toBeDefined();
    expect(site && printSite(site)).toBe(text);
  });

  it("prints the implied component away", () => {
    expect(withoutPosition("L9.H6.z@4")).toBe("L9.H6");
    expect(withoutPosition("L26.N1262.neuron@-1")).toBe("L26.N1262");
  });

  it.each(["", "H3", "L9", "L9.", "L9.H6@", "L.H1", "<b>", "mlp_out"])(
    "%j is not a site",
    (text) => {
      expect(parseSite(text)).toBeUndefined();
    },
  );

  it("takes layer 0, head 0 and position 0 for what they are", () => {
    expect(exactCell("L0.H0@0")).toEqual({ layer: 0, component: "z", index: 0 });
    expect(positionRange("L0.H0@0", { clean: ["a", "b"], positions: {} })).toEqual([0, 1]);
    expect(positionIndex(0, { clean: ["a"], positions: {} })).toBe(0);
    expect(atPosition("L0.H0", 0, 3)).toBe("L0.H0@0");
  });

  it("writes the last position as -1", () => {
    expect(positionText(13, 14)).toBe("-1");
    expect(positionText(12, 14)).toBe("12");
    expect(positionText("S2", 14)).toBe("S2");
    expect(positionText("all", 14)).toBeUndefined();
    expect(atPosition("L2.H1@5", "all", 14)).toBe("L2.H1");
  });

  it("reads spans, names and negative positions", () => {
    const task = { clean: ["a", "b", "c", "d", "e"], positions: { S2: 3 } };
    expect(positionRange("L1.H0", task)).toBeUndefined();
    expect(positionRange("L1.H0@S2", task)).toEqual([3, 4]);
    expect(positionRange("L1.H0@-2", task)).toEqual([3, 4]);
    expect(positionRange("L1.H0@1:", task)).toEqual([1, 5]);
    expect(positionRange("L1.H0@1:-1", task)).toEqual([1, 4]);
  });

  it("shows a neuron on its MLP, and knows that it is not the MLP", () => {
    expect(exactCell("L26.N1262")).toBeUndefined();
    expect(nearestCell("L26.N1262@-1")).toEqual({
      layer: 26,
      component: "mlp_out",
      index: undefined,
    });
    expect(nearestCell("L2.H1.q")).toEqual({ layer: 2, component: "z", index: 1 });
  });

  it("walks a layer from its heads to the stream", () => {
    expect(layerCells(2, { n_heads: 2 }).map(cellName)).toEqual([
      "L2.H0",
      "L2.H1",
      "L2.attn_out",
      "L2.mlp_out",
      "L2.resid_post",
    ]);
  });

  it("names everything but one", () => {
    const model = { n_heads: 3, n_layers: 2 };
    expect(everythingBut({ layer: 1, component: "z", index: 0 }, model)).toEqual([
      "L1.H1",
      "L1.H2",
    ]);
    expect(everythingBut({ layer: 1, component: "mlp_out", index: undefined }, model)).toEqual([
      "L0.mlp_out",
    ]);
    expect(
      everythingBut({ layer: 1, component: "resid_post", index: undefined }, model),
    ).toBeUndefined();
  });

  it("compares patches without regard to order, but to source", () => {
    const [a, b] = [
      { site: "L1.H0", source: "source" },
      { site: "L2.H1.z", source: "source" },
    ] as const;
    expect(samePatches([a, b], [{ ...b, site: "L2.H1" }, a])).toBe(true);
    expect(samePatches([a], [{ ...a, source: "host" }])).toBe(false);
  });
});

describe("numbers and tokens", () => {
  it("writes three figures, a real minus, and no sign on zero", () => {
    expect(signed(6.774888)).toBe("+6.77");
    expect(signed(-5.485284)).toBe("−5.49");
    expect(signed(0.91602)).toBe("+0.916");
    expect(signed(11.4289)).toBe("+11.4");
    expect(signed(123.4)).toBe("+123");
    expect(signed(0)).toBe("0.000");
    expect(signed(-0.0001)).toBe("0.000");
    expect(signed(null)).toBe("undefined");
    expect(plainNumber(Number.NaN)).toBe("undefined");
  });

  it("is never finer than the noise floor", () => {
    expect(signed(6.774888, 0.0625)).toBe("+6.8");
    expect(signed(6.774888, 7.6e-6)).toBe("+6.77");
    expect(plainNumber(0.4567, 0.5)).toBe("0");
  });

  it("writes ranks whole, probabilities and distances without a sign", () => {
    const metric = (unit: string, lower_is_better: boolean) => ({
      unit,
      lower_is_better,
      noise_floor: 0,
    });
    expect(metricNumber(14, metric("rank", true))).toBe("14");
    expect(metricNumber(0.9229, metric("probability", false))).toBe("0.923");
    expect(metricNumber(5.2113, metric("nats", true))).toBe("5.21");
    expect(metricNumber(6.1196, metric("logits", false))).toBe("+6.12");
    expect(effectNumber(-13, metric("rank", true))).toBe("−13");
    expect(effectNumber(-5.1554, metric("nats", true))).toBe("−5.16");
  });

  it("writes shares, and 100 % only where it is", () => {
    expect(percent(0.5838)).toBe("58 %");
    expect(percent(-0.0613)).toBe("−6.1 %");
    expect(percent(0.9993)).toBe("99.9 %");
    expect(percent(1)).toBe("100 %");
    expect(percent(0.0001)).toBe("0 %");
    expect(percent(-0.0001)).toBe("0 %");
    expect(probability(0.9229)).toBe("92.3 %");
    expect(probability(0.0001)).toBe("< 0.1 %");
    expect(probability(0)).toBe("0.0 %");
  });

  it("makes spaces and line ends visible, and keeps markup as text", () => {
    expect(tokenText(" Mary")).toBe("␣Mary");
    expect(tokenText("\n\t")).toBe("⏎⇥");
    expect(tokenText("")).toBe("∅");
    expect(tokenText("<b>")).toBe("<b>");
    expect(shortToken("a".repeat(30), 9)).toBe("aaaa…aaaa");
    expect(listed(["a", "b", "c"])).toBe("a, b and c");
  });
});

describe("colours", () => {
  it("hits the ends, the stops and the middle of both themes", () => {
    for (const theme of ["light", "dark"] as const) {
      [-1, -0.5, 0, 0.5, 1].forEach((value, i) => {
        expect(diverging(value, theme)).toBe(DIVERGING[theme][i]);
      });
      expect(diverging(7, theme)).toBe(DIVERGING[theme][4]);
      expect(diverging(-7, theme)).toBe(DIVERGING[theme][0]);
    }
  });

  it("knows OKLab's white and grey", () => {
    const [L, a, b] = hexToOklab("#FFFFFF");
    expect(L).toBeCloseTo(1, 5);
    expect(Math.hypot(a, b)).toBeLessThan(1e-4);
    expect(oklabToHex(hexToOklab("#C75300"))).toBe("#C75300");
  });

  it("turns a share towards clean by the direction", () => {
    expect(towardsClean(0.6, "denoise")).toBe(0.6);
    expect(towardsClean(0.6, "noise")).toBe(-0.6);
  });
});

describe("ribbons", () => {
  const words = (n: number) => Array.from({ length: n }, (_, i) => ` w${i}`);
  const widths = (n: number) => tokenWidths([words(n), words(n)], []);
  const tokens = (all: readonly TokenPiece[]) =>
    all.flatMap((p) => (p.kind === "token" ? [p.index] : []));

  it("shows everything that fits", () => {
    expect(tokens(tokenPieces(widths(5), [3], [], 900))).toEqual([0, 1, 2, 3, 4]);
  });

  it("folds the identical prefix and keeps what differs, is chosen, or comes last", () => {
    const all = tokenPieces(widths(200), [150], [20], 600);
    expect(tokens(all)).toEqual(expect.arrayContaining([20, 150, 199]));
    expect(all[0]).toEqual({ kind: "fold", from: 0, count: 20, before: true });
    expect(all.at(-2)).toMatchObject({ kind: "fold", before: false });
    const counted = all.reduce((n, p) => n + (p.kind === "token" ? 1 : p.count), 0);
    expect(counted).toBe(200);
  });

  it("never folds a differing token, however little room there is", () => {
    expect(tokens(tokenPieces(widths(9), [2, 6], [], 10))).toEqual([2, 6, 7, 8]);
  });

  it("measures a token by what is shown", () => {
    expect(tokenWidth(" a")).toBeCloseTo(2 * 7.25 + 7);
    expect(
      tokenWidths(
        [
          ["a", " b"],
          ["abc", " b"],
        ],
        [0],
      ),
    ).toEqual([29, 22]);
  });
});

describe("keys", () => {
  const press = (key: string, shiftKey = false) => ({
    key,
    shiftKey,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
  });
  it.each([
    ["ArrowLeft", { type: "move", layers: -1, cells: 0, extend: false }],
    ["ArrowDown", { type: "move", layers: 0, cells: 1, extend: false }],
    ["Home", { type: "edge", end: "first" }],
    ["PageDown", { type: "move", layers: 5, cells: 0, extend: false }],
    ["[", { type: "position", step: -1 }],
    ["A", { type: "allPositions" }],
    ["Enter", { type: "patch" }],
    [" ", { type: "toggle" }],
    ["i", { type: "but" }],
    ["n", { type: "flip" }],
    ["p", { type: "pin" }],
    ["z", { type: "undo" }],
    ["/", { type: "site" }],
    ["?", { type: "keys" }],
    ["Escape", { type: "escape" }],
  ])("%s", (key, command) => {
    expect(commandOf(press(key))).toEqual(command);
  });

  it("knows Shift", () => {
    expect(commandOf(press("Z", true))).toEqual({ type: "redo" });
    expect(commandOf(press("ArrowUp", true))).toEqual({
      type: "move",
      layers: 0,
      cells: -1,
      extend: true,
    });
  });

  it("leaves other keys, and keys with Ctrl, Alt or Meta, to the page", () => {
    expect(commandOf(press("x"))).toBeUndefined();
    expect(commandOf(press("Tab"))).toBeUndefined();
    expect(commandOf({ ...press("z"), ctrlKey: true })).toBeUndefined();
    expect(commandOf({ ...press("ArrowLeft"), metaKey: true })).toBeUndefined();
  });
});

describe("code", () => {
  it("writes the lines that give the same numbers", () => {
    const patches = [
      { site: "L23.H3", source: "source" },
      { site: "L20.H0@-1", source: "host" },
    ] as const;
    expect(codeOf({ patches, direction: "noise", metric: "kl" })).toBe(
      [
        "import patchwidgets as pw",
        "",
        'exp = pw.Experiment(model, task, metric="kl", direction="noise")',
        'r = exp.patch("L23.H3", pw.Patch("L20.H0@-1", source="host"))',
        "r.value, r.effect, r.recovery",
      ].join("\n"),
    );
  });

  it("breaks a long call and writes no patch for none", () => {
    const patches = Array.from(
      { length: 8 },
      (_, i) => ({ site: `L10.H${i}@-1`, source: "source" }) as const,
    );
    expect(codeOf({ patches, direction: "denoise", metric: "kl" })).toContain(
      'r = exp.patch(\n    "L10.H0@-1",\n',
    );
    expect(codeOf({ patches: [], direction: "denoise", metric: "kl" })).toContain(
      "exp.clean.value",
    );
  });
});
