import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const WWW = new URL("../../www/", import.meta.url).pathname;

const languages = Object.fromEntries(
  await Promise.all(
    readdirSync(join(WWW, "texts")).map(async (file) => [
      file.replace(".js", ""),
      (await import(join(WWW, "texts", file))).default,
    ]),
  ),
);
const english = languages.en;

/** Returns the names of the values in each form of a text, sorted. */
const values = (text) =>
  [text].flatMap((text) => (typeof text === "string" ? text : Object.values(text)))
    .map((form) => [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort().join(" "));

for (const [language, texts] of Object.entries(languages)) {
  test(`${language} has every text, with the same values`, () => {
    assert.deepEqual(Object.keys(texts).sort(), Object.keys(english).sort());
    for (const [id, text] of Object.entries(texts)) {
      const [expected] = values(english[id]);
      for (const form of values(text)) assert.equal(form, expected, `${language}: ${id}`);
      assert.equal(typeof text, typeof english[id], `${language}: ${id}`);
      if (typeof text === "string") continue;
      const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
      assert.deepEqual(Object.keys(text).sort(), categories.sort(), `${language}: ${id}`);
    }
  });
}

test("every text that is named exists, and each is named", () => {
  const sources = readdirSync(WWW, { recursive: true }).filter((file) => /\.(js|html)$/.test(file) && !file.startsWith("texts/"));
  const read = sources.map((file) => readFileSync(join(WWW, file), "utf8"));
  const source = read.join("\n");
  const speaking = read.filter((source) => source.includes("language.js")).join("\n");
  const named = [
    ...speaking.matchAll(/\b(?:say|pieces)\("([\w.-]+)"/g),
    ...source.matchAll(/data-(?:text|label|hint)="([\w.-]+)"/g),
  ].map(([, id]) => id);
  for (const id of named) assert.ok(id in english, `no text ${id}`);
  // Others are named where they are chosen.
  const unnamed = Object.keys(english).filter((id) => !source.includes(`"${id}"`) && id !== "direction");
  assert.deepEqual(unnamed, []);
});
