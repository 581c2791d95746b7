/**
 * Every text of the page, in English: the reference for other languages. `{name}` is a value; a text with
 * `{number}` has a form for each plural category of the language (Unicode CLDR).
 */
export default {
  direction: "ltr",
  "and-more": { one: "and {number} more file", other: "and {number} more files" },
  taken: {
    one: "{number} name taken there: that file gets a number, as in “notes (1).txt”.",
    other: "{number} names taken there: those files get a number, as in “notes (1).txt”.",
  },
  "text-from": "{from}: {text}",
  files: { one: "{number} file", other: "{number} files" },
};
