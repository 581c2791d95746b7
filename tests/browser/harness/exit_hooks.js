/** Functions to call when the process exits, whatever the reason. */
const hooks = new Set();

export const onExit = (hook) => hooks.add(hook);
export const cancelOnExit = (hook) => hooks.delete(hook);

process.on("exit", () => {
  // In reverse order: users of a thing before the thing.
  for (const hook of [...hooks].reverse()) hook();
  // At once: Node 20 may collect garbage without end while objects wait for their finalizers
  // (nodejs/node#47748). This hides nothing: a process that still waits for something does not get here.
  process.exit();
});
