import { fetchAll } from "./fetch.js";

const asked = new URLSearchParams(location.search);
fetchAll(asked.get("url"), asked.get("nick")).then(
  (result) => (document.body.dataset.result = JSON.stringify(result)),
  (error) => (document.body.dataset.result = JSON.stringify({ error: `${error.code}: ${error.message}` })),
);
