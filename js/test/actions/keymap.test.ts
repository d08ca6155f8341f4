import { describe, expect, it } from "vitest";
import { commandOf } from "../../src/actions/keymap";

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
    ["i", { type: "everythingBut" }],
    ["n", { type: "flipDirection" }],
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
    expect(commandOf(press("y"))).toBeUndefined();
    expect(commandOf(press("Tab"))).toBeUndefined();
    expect(commandOf({ ...press("z"), ctrlKey: true })).toBeUndefined();
    expect(commandOf({ ...press("ArrowLeft"), metaKey: true })).toBeUndefined();
  });
});
