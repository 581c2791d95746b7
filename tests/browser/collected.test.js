import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, tree } from "./harness/tree.js";
import { relay } from "./harness/xcher.js";

const SIZE = 16 << 20;
const PIECE = 1 << 18;

inEachBrowser("a file is read to its end", (stage) => {
  test("while unreferenced objects are collected", async (t) => {
    if (stage.name === "firefox") return t.skip("Firefox has no way to trigger garbage collection");
    const [file] = (await tree(folder(), { "a file.bin": SIZE })).files;
    const at = stage.keep(t, await relay());
    const { page } = await stage.visit(t, at.url, "carol");
    // In an input of the test's: the page empties its own once files are chosen.
    const field = await page.evaluateHandle(() => {
      const field = document.createElement("input");
      field.type = "file";
      return field;
    });
    await field.uploadFile(file.path);
    const tools = await page.createCDPSession();
    // From the sources, because the page has it bundled in the worker.
    const reading = await readFile(new URL("../../wasm/npm/blob_reader.js", import.meta.url), "utf8");
    await page.evaluate(`globalThis.Reading = (() => {
      ${reading.replaceAll(/^export /gm, "")}
      return Reading;
    })()`);
    for (let round = 0; round < 10; round += 1) {
      await page.evaluate((field, size, length) => {
        globalThis.lengths = [];
        for (let at = 0; at < size; at += length) {
          new Reading(field.files[0], at).next(length).then((piece) => globalThis.lengths.push(piece.length));
        }
      }, field, SIZE, PIECE);
      await tools.send("HeapProfiler.collectGarbage");
      await page.waitForFunction((count) => globalThis.lengths.length === count, {}, SIZE / PIECE);
      const lengths = await page.evaluate(() => globalThis.lengths);
      assert.ok(lengths.every((length) => length === PIECE));
    }
  });
});
