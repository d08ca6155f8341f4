import { describe, expect, it } from "vitest";
import { isolated, printable } from "../../src/model/printable";
import { sentence } from "../../src/text/status";
import {
  bytesApart,
  hasBytes,
  shortLength,
  shortToken,
  tokenText,
  visible,
} from "../../src/text/tokens";
import table from "../fixtures/visible.json";

interface Row {
  readonly token: string;
  readonly visible: string;
  readonly right_to_left?: boolean;
}

const ROWS: readonly Row[] = table;

describe("what Python's tests check too (tests/test_tokens.py)", () => {
  it.each(ROWS)("$visible", ({ token, visible: shown, right_to_left = false }) => {
    expect(visible(token)).toBe(shown);
    expect(isolated(shown)).toBe(right_to_left ? `\u2068${shown}\u2069` : shown);
  });

  it("half a character is seen too", () => {
    expect(visible("x\ud800y")).toBe("x‹U+D800›y");
  });
});

describe("a token in a line of text", () => {
  it("cannot turn what follows", () => {
    expect(tokenText("\u05d0\u202e")).toBe("\u2068\u05d0‹U+202E›\u2069");
    expect(sentence("\u05d0 failed.")).toBe("\u2068\u05d0 failed\u2069.");
  });

  it("is twice as wide where its characters are", () => {
    expect(shortLength("日本語", 22)).toBe(6);
    expect(shortLength("🚀", 22)).toBe(2);
    expect(shortLength("‹E6 97›", 22)).toBe(7);
  });

  it("has its bytes apart from its whole characters", () => {
    expect(bytesApart("日‹E6 97›")).toEqual(["日", "‹E6 97›", ""]);
    expect(bytesApart("‹U+202E›")).toEqual(["‹U+202E›"]);
    expect(hasBytes("‹9C›")).toBe(true);
    expect(hasBytes("‹9C›".slice(0, 3))).toBe(false);
  });

  it("is measured by what is seen", () => {
    const token = "\u05d0".repeat(30);
    expect(shortToken(token, 9)).toBe(
      "\u2068\u05d0\u05d0\u05d0\u05d0…\u05d0\u05d0\u05d0\u05d0\u2069",
    );
    expect(shortLength(token, 9)).toBe(9);
  });
});

describe("a text of any length", () => {
  it("is cut with an ellipsis, and once is enough", () => {
    const cut = printable("x".repeat(10_000_000));
    expect(cut).toBe(`${"x".repeat(1999)}…`);
    expect(printable(cut)).toBe(cut);
    expect(printable("\u202e".repeat(9), 20)).toBe("‹U+202E›‹U+202E›‹U+…");
  });

  it("is not cut within a character of two code units", () => {
    expect(printable("🚀🚀🚀", 4)).toBe("🚀…");
    expect(printable("🚀🚀", 4)).toBe("🚀🚀");
  });
});
