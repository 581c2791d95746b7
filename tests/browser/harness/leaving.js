/** What is done when the process ends, however it does. */
const last = new Set();

export const onLeaving = (does) => last.add(does);
export const notLeaving = (does) => last.delete(does);

process.on("exit", () => {
  // Whoever uses a thing goes before it.
  for (const does of [...last].reverse()) does();
  // At once: Node 20 may tidy up without end where objects wait for their finalizers
  // (nodejs/node#47748). Nothing is hidden by it: who still waits for something does not come here.
  process.exit();
});
