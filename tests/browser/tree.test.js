import assert from "node:assert/strict";
import { test } from "node:test";
import { Folder } from "../../www/file_tree.js";

const files = (...names) => names.map((name, at) => ({ name, size: at + 1, approximate: false }));

function tree(...all) {
  const root = new Folder();
  for (const file of all) root.add(file, false);
  return root;
}

/** Returns the names of a folder's entries. */
const names = (folder) => folder.children.map(({ name, path }) => (path === undefined ? name : `${path}/`));

const inside = (folder, name) => folder.children.find((child) => child instanceof Folder && child.name === name);

test("folders come first, in the order of people", () => {
  const root = tree(...files("b10.txt", "b2.txt", "z/1", "a10/1", "a2/1", "B1.txt"));
  assert.deepEqual(names(root), ["b10.txt", "b2.txt", "z/", "a10/", "a2/", "B1.txt"], "as they have arrived");
  root.sort();
  assert.deepEqual(names(root), ["a2/", "a10/", "z/", "B1.txt", "b2.txt", "b10.txt"]);
});

test("counts and sizes are those of everything below", () => {
  const root = tree(...files("a/b/1", "a/b/2", "a/3", "4"));
  assert.deepEqual([root.count, root.size], [4, 10]);
  const a = inside(root, "a");
  assert.deepEqual([a.count, a.size, a.path], [3, 6, "a"]);
  assert.equal(inside(a, "b").path, "a/b");
  assert.deepEqual(a.files().map(({ name }) => name).sort(), ["a/3", "a/b/1", "a/b/2"]);
});

test("choosing a folder chooses all in it, and counts in the folders around and below", () => {
  const root = tree(...files("a/b/1", "a/b/2", "a/3", "4"));
  const [a, chosen] = [inside(root, "a"), new Set()];
  const b = inside(a, "b");
  b.choose(chosen, true);
  assert.deepEqual([root.chosen, a.chosen, b.chosen, chosen.size], [2, 2, 2, 2]);
  a.choose(chosen, true);
  assert.deepEqual([root.chosen, a.chosen, b.chosen, chosen.size], [3, 3, 2, 3]);
  chosen.delete(b.files()[0]);
  b.note(-1);
  assert.deepEqual([root.chosen, a.chosen, b.chosen], [2, 2, 1]);
  a.choose(chosen, false);
  assert.deepEqual([root.chosen, a.chosen, b.chosen, chosen.size], [0, 0, 0, 0]);
  chosen.add(a.files()[0]);
  assert.equal(root.recount(chosen), 1);
});

test("folders open as long as few entries are visible, and one that is alone always", () => {
  const many = Array.from({ length: 30 }, (_, at) => `top/many/${at}`);
  const root = tree(...files(...many, "top/few/1", "top/few/2"));
  root.openSome(10);
  const top = inside(root, "top");
  assert.deepEqual([top.isOpen, inside(top, "many").isOpen, inside(top, "few").isOpen], [true, false, true]);
  const alone = tree(...files(...many));
  alone.openSome(10);
  assert.equal(inside(inside(alone, "top"), "many").isOpen, true);
});

test("names that are properties of objects, and a folder with the name of a file, are entries as others", () => {
  const root = tree(...files("__proto__/constructor", "__proto__", "toString/x"));
  assert.deepEqual([root.count, root.children.length], [3, 3]);
});

test("the deepest name that the protocol allows is no problem", () => {
  const root = tree(...files(`${"a/".repeat(511)}b`));
  root.openSome(10);
  const chosen = new Set();
  root.choose(chosen, true);
  assert.equal(root.recount(chosen), 1);
});
