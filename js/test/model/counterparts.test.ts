import { describe, expect, it } from "vitest";
import { decodeScene } from "../../src/comm/decode-scene";
import {
  alignedColumns,
  differingColumns,
  firstDifference,
  tokenAtPosition,
} from "../../src/model/counterparts";
import { smollm, unequal } from "../fixtures/worlds";

const task = decodeScene(unequal().scene).task;

describe("columns", () => {
  it("put counterparts together and every other token alone, in order", () => {
    const columns = alignedColumns(task);
    expect(columns.slice(2, 7)).toEqual([
      { clean: 2, corrupted: 2 },
      { clean: undefined, corrupted: 3 },
      { clean: 3, corrupted: 4 },
      { clean: 4, corrupted: undefined },
      { clean: 5, corrupted: 5 },
    ]);
    expect(columns.map((c) => c.clean).filter((i) => i !== undefined)).toEqual([
      ...task.clean.keys(),
    ]);
    expect(columns.map((c) => c.corrupted).filter((i) => i !== undefined)).toEqual([
      ...task.corrupted.keys(),
    ]);
    expect(differingColumns(columns, task.differs)).toEqual([3, 4, 5, 11]);
  });

  it("are the positions themselves where a scene names no counterparts", () => {
    const plain = decodeScene(smollm().scene).task;
    expect(plain.counterparts).toEqual([...plain.clean.keys()]);
    expect(alignedColumns(plain).every((c, i) => c.clean === i && c.corrupted === i)).toBe(true);
    expect(firstDifference(plain)).toBe(9);
  });

  it("know where the runs begin to differ, though no token does", () => {
    expect(firstDifference(task)).toBe(3);
    expect(firstDifference({ counterparts: [0, 2, 3], differs: [] })).toBe(1);
  });

  it("show a prompt's own token at a position of the clean prompt", () => {
    expect(tokenAtPosition(task, "corrupted", 3)).toBe(" Lee");
    expect(tokenAtPosition(task, "clean", 3)).toBe(" John");
    expect(tokenAtPosition(task, "corrupted", 4)).toBe(" both");
  });
});
