/** The texts in German. */
export default {
  direction: "ltr",
  "and-more": { one: "und {number} weitere Datei", other: "und {number} weitere Dateien" },
  taken: {
    one: "{number} Name ist dort vergeben: Diese Datei bekommt eine Nummer, wie in „Notizen (1).txt“.",
    other: "{number} Namen sind dort vergeben: Diese Dateien bekommen eine Nummer, wie in „Notizen (1).txt“.",
  },
  "text-from": "{from}: {text}",
  files: { one: "{number} Datei", other: "{number} Dateien" },
};
