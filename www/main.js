/** The page: passes the worker's messages to the parts of the screen. */
import { learned } from "./codes.js";
import { bridgeConfig, UNKNOWN } from "./bridge_config.js";
import { answers, connection, goOnlineAsGuest, isGuest, isNamed, me } from "./connection.js";
import { ownDevice } from "./device.js";
import { direct } from "./direct.js";
import { $, notice, quoted } from "./element.js";
import { explain } from "./errors.js";
import "./drop.js";
import * as files from "./files.js";
import "./install.js";
import { invite, linkPicture } from "./invite.js";
import { join, refuse } from "./join.js";
import { use } from "./language.js";
import { chooser, languages } from "./language_choice.js";
import { named } from "./link_target.js";
import * as manifest from "./manifest.js";
import { end, hear, tell } from "./messages.js";
import { keepPage } from "./offline_shell.js";
import * as people from "./people.js";
import { known } from "./privacy.js";
import { queued } from "./queued.js";
import * as receipt from "./receipt.js";
import { receiveForm } from "./receive_form.js";
import { room } from "./room.js";
import * as sending from "./sending.js";
import * as sharing from "./sharing.js";
import { tokenForm } from "./token_form.js";
import "./tab_name.js";
import { textMessage } from "./text_message.js";
import { busy, transfers } from "./transfers.js";
import { unfinished } from "./unfinished.js";
import { changeNick, leaveCode, route, showToken } from "./views.js";

const body = document.body.dataset;
// Both at once: neither needs the other.
const [spoken, config] = await Promise.all([use(languages()), bridgeConfig().catch(() => UNKNOWN)]);
chooser(spoken);
const bridge = new URL(config.tunnel, location.href);

hear({
  ...people,
  ...sending,
  ...sharing,
  ...answers,
  learned,
  listing(nick, how, part, error) {
    if (error?.code === "other-key") people.keyChanged(nick);
    files.listing(nick, how, part, error);
    receipt.listing(nick, how, part, error);
  },
  sessions(all) {
    people.sessions(all);
    manifest.sessions(all);
    receipt.security(all);
  },
  offered(id, session, nick, files) {
    const settle = (wanted, target) => tell("settle", id, wanted?.map(({ name }) => name), target);
    manifest.ask({ id, session, nick, files, settle });
  },
  withdrawn: manifest.drop,
  linkPicture,
  queued,
  room,
  transfers(changes, queue) {
    transfers(changes, queue);
    receipt.transfers(changes, queue);
    if (isGuest() && body.view === "home") leaveCode();
  },
  text: textMessage,
  unfinished,
  known(all, mine) {
    known(all, mine);
    people.pins(all);
  },
  notice,
  forgotten(nick) {
    people.keyForgotten(nick);
    files.again(nick);
  },
  callFailed(nick, address, error) {
    const who = quoted(nick ?? address);
    if (error.code === "other-key") {
      notice("call-refused-key", { nick: who });
      people.keyChanged(nick);
    } else notice("call-failed", () => ({ nick: who, error: explain(error) }));
  },
  save(file, name) {
    // Without a type, so that the browser does not change the name.
    const href = URL.createObjectURL(new Blob([file], { type: "application/octet-stream" }));
    Object.assign(document.createElement("a"), { href, download: name }).click();
    setTimeout(URL.revokeObjectURL, 300_000, href);
    tell("saved");
  },
  broken: () => notice("page-failed"),
});

tell("device", ownDevice());
direct();
connection(bridge, {
  online(isSame) {
    invite(me, bridge);
    refuse();
    if (isNamed()) tell("who");
    if (isSame && body.view === "peer") files.reopen();
    else route();
  },
  refused(error, wasGuest) {
    if (!wasGuest) refuse(error);
    if (body.view !== "code") route();
    else if (wasGuest || !error) receipt.refused(error);
    else goOnlineAsGuest();
  },
});
join(route);
receipt.receipt(() => go(""), route);
receiveForm(go);
$("unsafe").hidden = isSecureContext;
$("me").onclick = changeNick;
$("offer-them").onclick = () => sending.offerTo($("peer-title").textContent);
$("folder-them").onclick = () => sending.offerTo($("peer-title").textContent, "folder");
$("text-them").onclick = () => sending.writeText($("peer-title").textContent);

onhashchange = route;
onbeforeunload = (event) => {
  if (busy() || sending.sends()) event.preventDefault();
};
// A page that the browser keeps for the way back would hold its nick without answering anybody.
onpagehide = ({ persisted }) => persisted && end();
onpageshow = ({ persisted }) => persisted && location.reload();
setInterval(() => document.hidden || !isNamed() || tell("who"), 5000);

if (!tokenForm(config, bridge, showToken, route)) route();
if (config === UNKNOWN) {
  const { waitForServer } = await import("./no_server.js");
  waitForServer(bridgeConfig, (config) => tokenForm(config, bridge, showToken, route));
}
keepPage();
if ("launchQueue" in self || /^\?(not-)?shared$/.test(location.search)) {
  const { takeShared } = await import("./shared.js");
  takeShared(sending.add);
}

/** Goes to a code or nick, also if the URL names it already, or home. */
function go(target) {
  if (target === named()) route();
  else location.hash = encodeURIComponent(target);
}
