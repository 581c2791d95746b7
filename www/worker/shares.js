/** What is shared: kept here, so that a new peer shares it too. A folder is told as one. */

export function shares(peer, send) {
  /** Of each file or folder: `[file, name, Share?]` by name. */
  const groups = new Map();
  let later;

  function share(entry) {
    try {
      entry[2] = peer()?.share(entry[0], entry[1]);
    } catch (error) {
      return error.message;
    }
  }

  /** Shares what can be; says of the rest why it cannot. */
  function all(entries) {
    const faults = [];
    for (const [group, entry] of entries) {
      const fault = share(entry);
      if (fault) {
        group.delete(entry[1]);
        faults.push(fault);
      }
    }
    if (faults.length) {
      const more = faults.length > 1 ? ` (And ${faults.length - 1} more.)` : "";
      send("notice", `Not shared: ${faults[0]}${more}`);
    }
    tell();
  }

  function tell() {
    later ??= setTimeout(() => {
      later = undefined;
      const told = [];
      for (const [name, group] of groups) {
        if (!group.size) groups.delete(name);
        else {
          let size = 0;
          for (const [file] of group.values()) size += file.size;
          told.push({ name, folder: !group.has(name), files: group.size, size });
        }
      }
      send("shares", told);
    }, 50);
  }

  return {
    add(files) {
      const added = [];
      for (const entry of files) {
        const top = entry[1].split("/", 1)[0];
        if (!groups.has(top)) groups.set(top, new Map());
        const group = groups.get(top);
        const before = group.get(entry[1]);
        // Given again, it may have changed.
        before?.[2]?.stop();
        group.set(entry[1], entry);
        added.push([group, entry]);
      }
      all(added);
    },
    stop(name) {
      for (const [, , share] of groups.get(name)?.values() ?? []) share?.stop();
      groups.delete(name);
      tell();
    },
    /** Shares everything with the peer that is new. */
    again() {
      all([...groups.values()].flatMap((group) => [...group.values()].map((entry) => [group, entry])));
    },
  };
}
