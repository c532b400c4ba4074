import { describe, expect, it } from "vitest";
import { Markup, markup, percent } from "./markup.ts";

describe("the markup template", () => {
  it("escapes what is put into it and keeps what it made itself", () => {
    const inner = markup`<b title="${`"'<>&\``}">${"<i>"}</b>`;
    expect(inner).toBeInstanceOf(Markup);
    expect(markup`<p>${inner}</p>`.text).toBe(
      `<p><b title="&quot;&#39;&lt;&gt;&amp;&#96;">&lt;i&gt;</b></p>`,
    );
  });

  it("joins lists and leaves nothing for what is absent", () => {
    expect(markup`[${["a", undefined, false, 0, ["<"]]}]`.text).toBe("[a0&lt;]");
  });

  it("replaces control characters and lone surrogates", () => {
    expect(markup`${"a\u0000b\u001b[31m\ud800"}`.text).toBe("a\ufffdb\ufffd[31m\ufffd");
  });

  it("drops the indentation of its source, not of what is put in", () => {
    expect(
      markup`<p>
      ${"a\n  b"}
    </p>`.text,
    ).toBe("<p>\na\n  b\n</p>");
  });
});

describe("percent", () => {
  it("stays within the drawing", () => {
    expect([-1, 0, 0.12345, 1, 2].map(percent)).toEqual(["0%", "0%", "12.35%", "100%", "100%"]);
  });
});
