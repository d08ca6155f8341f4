import { describe, expect, it } from "vitest";
import { safeName } from "../../src/model/file";
import { csvText } from "../../src/text/csv";
import { fileName } from "../../src/text/file-name";
import { decodedScene } from "../fixtures/recorded";

describe("a table", () => {
  it("quotes what a reader of CSV would take apart", () => {
    expect(
      csvText(
        ["a", "b"],
        [
          ['say "x", y', "line\nend"],
          [" Mary", "plain"],
        ],
      ),
    ).toBe('a,b\r\n"say ""x"", y","line\nend"\r\n" Mary",plain\r\n');
  });

  it("has no formulas: what begins like one is text, and numbers stay numbers", () => {
    const words = ["=1+1", "+1", "-1", "@a", " =1", "\t=1", "a=1"];
    const said = words.map((text) => csvText([], [[text]]).split("\r\n")[1]);
    expect(said).toEqual(["'=1+1", "'+1", "'-1", "'@a", "' =1", "'\t=1", "a=1"]);
    expect(csvText([], [[-0.1234567890123456, Number.NaN, undefined]])).toBe(
      "\r\n-0.1234567890123456,,\r\n",
    );
  });
});

describe("a file", () => {
  const name = (...sites: string[]) =>
    fileName(
      sites.map((site) => ({ site, source: "source" })),
      "denoise",
      decodedScene().model,
      "svg",
    );

  it("is named after the finding", () => {
    expect(name("L23.H3")).toBe("L23.H3-denoise.svg");
    expect(name("L23.H3", "L20.H0@-1")).toBe("L23.H3+L20.H0@-1-denoise.svg");
    expect(name("L20.H0->L23.H3.q")).toBe("L20.H0-to-L23.H3.q-denoise.svg");
    expect(name()).toBe("nothing-patched-denoise.svg");
    expect(name("L1.H0", "L1.H1", "L1.H2", "L1.H3")).toBe("4_sites-denoise.svg");
  });

  it("never has a name that leads elsewhere", () => {
    expect(safeName("../../etc/passwd")).toBe("etc_passwd");
    expect(safeName("..\\x:y*?.html")).toBe("x_y_.html");
    expect(safeName(".")).toBe("patchwidgets");
    expect(safeName(`${"a".repeat(300)}.csv`)).toHaveLength(100);
    expect(safeName("L1.H2\u202egnp.svg")).toBe("L1.H2_gnp.svg");
    expect(safeName("漢字 é.svg")).toBe("漢字_é.svg");
  });
});
