/** Files and folders that the user chooses. */

/** Passes on `[file, name]` pairs of what an input chooses, a part at a time, and an empty folder as `[null, name]`. */
export function takeFrom(input, give, over = () => {}) {
  // Unlike the input, a handle tells of empty folders.
  if (input.webkitdirectory && self.showDirectoryPicker) input.onclick = pick;
  input.onchange = () => {
    give([...input.files].map((file) => [file, file.webkitRelativePath || file.name]));
    input.value = "";
    over();
  };

  async function pick(event) {
    event.preventDefault();
    const { pickFolder } = await import("./folder_picker.js");
    if (await pickFolder(give)) over();
  }
}
