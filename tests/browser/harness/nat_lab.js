import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch } from "./browser.js";
import { cancelOnExit, onExit } from "./exit_hooks.js";
import { folder } from "./tree.js";
import { xcherBy } from "./xcher.js";

/** The relay's address, which all browsers reach. */
export const RELAY = "11.0.0.1";

/** How a NAT chooses ports: the one inside as long as that is free, or another for each connection. */
const TRANSLATE = { "port-restricted": "masquerade", symmetric: "masquerade fully-random" };

/** Returns why there can be no lab here, if that is so. */
export function without() {
  if (process.platform !== "linux" || process.getuid() !== 0) return "needs root on Linux, to make networks";
  for (const program of ["ip", "nft"]) {
    if (spawnSync(program, ["-V"]).error) return `needs ${program}`;
  }
  const probe = `xcher-page-${process.pid}-probe`;
  const { status } = spawnSync("ip", ["netns", "add", probe]);
  spawnSync("ip", ["netns", "del", probe]);
  return status === 0 ? undefined : "this user may not make networks";
}

/** A relay, and browsers behind a NAT each, in network namespaces: nothing leaves them. */
export class NatLab {
  #names = [];
  #prefix = `xcher-page-${process.pid}`;
  #end = () => this.#remove();

  /** Makes the network of so many browsers. */
  constructor(browsers) {
    onExit(this.#end);
    const relay = this.#add("r");
    ip(`-n ${relay} link add out type bridge`);
    ip(`-n ${relay} addr add ${RELAY}/24 dev out`);
    for (const device of ["lo", "out"]) ip(`-n ${relay} link set ${device} up`);
    for (let number = 0; number < browsers; number += 1) this.#connect(relay, number);
  }

  /** Connects a browser by its NAT to the relay. */
  #connect(relay, number) {
    const nat = this.#add(`n${number}`);
    const host = this.#add(`h${number}`);
    ip(`-n ${relay} link add n${number} type veth peer name wan netns ${nat}`);
    ip(`-n ${relay} link set n${number} master out up`);
    // An address that comes a second after its device would make the browser drop what it loads.
    this.#write(host, "net/ipv6/conf/all/disable_ipv6", 1);
    ip(`-n ${nat} link add lan type veth peer name eth0 netns ${host}`);
    ip(`-n ${nat} addr add ${natAddress(number)}/24 dev wan`);
    ip(`-n ${nat} addr add 192.168.${number}.1/24 dev lan`);
    ip(`-n ${host} addr add 192.168.${number}.2/24 dev eth0`);
    for (const device of ["lo", "wan", "lan"]) ip(`-n ${nat} link set ${device} up`);
    for (const device of ["lo", "eth0"]) ip(`-n ${host} link set ${device} up`);
    ip(`-n ${host} route add default via 192.168.${number}.1`);
    this.#write(nat, "net/ipv4/ip_forward", 1);
    this.#translate(number, "port-restricted");
  }

  /** Sets a parameter of the kernel in a network. */
  #write(network, parameter, value) {
    execFileSync("ip", ["netns", "exec", network, "sh", "-c", `echo ${value} > /proc/sys/${parameter}`]);
  }

  /** Makes all NATs of this kind. What goes through them already continues. */
  become(kind) {
    const nats = this.#names.filter((name) => /-n\d+$/.test(name)).length;
    for (let number = 0; number < nats; number += 1) this.#translate(number, kind);
  }

  #translate(number, kind) {
    // What is not an answer is dropped before it is remembered, which would cost the host its port.
    const rules = `table ip lab
      delete table ip lab
      table ip lab {
        chain out { type nat hook postrouting priority 100; oifname wan ${TRANSLATE[kind]}
        }
        chain through { type filter hook forward priority 0; iifname wan ct state new drop
        }
        chain own { type filter hook input priority 0; iifname wan ct state new drop
        }
      }`;
    execFileSync("ip", ["netns", "exec", this.#name(`n${number}`), "nft", "-f", "-"], { input: rules });
  }

  /** Starts a relay at these ports, with this configuration. */
  async relay([listen, http], ...args) {
    const options = ["relay", "--listen", `${RELAY}:${listen}`, "--http", `${RELAY}:${http}`, ...args];
    const relay = xcherBy(["ip", "netns", "exec", this.#name("r")], ...options);
    relay.url = (await relay.out("http ")).replace(/\/$/, "");
    return relay;
  }

  /** Starts Chromium behind a NAT; pages of these origins have what those of `https:` have. */
  async browser(number, origins) {
    const program = join(folder(), "chromium-behind-nat");
    const command = `exec ip netns exec ${this.#name(`h${number}`)} ${process.env.CHROMIUM ?? "/usr/bin/chromium"}`;
    writeFileSync(program, `#!/bin/sh\n${command} "$@"\n`, { mode: 0o755 });
    const args = [`--unsafely-treat-insecure-origin-as-secure=${origins.join(",")}`];
    // No network leads there.
    return launch("chromium", undefined, {}, { executablePath: program, args, pipe: true });
  }

  /** Removes the networks. */
  stop() {
    this.#remove();
    cancelOnExit(this.#end);
  }

  #remove() {
    for (const name of this.#names.splice(0)) spawnSync("ip", ["netns", "del", name]);
  }

  #name(suffix) {
    return `${this.#prefix}-${suffix}`;
  }

  #add(suffix) {
    const name = this.#name(suffix);
    ip(`netns add ${name}`);
    this.#names.push(name);
    return name;
  }
}

/** Returns a NAT's address, which is that of its browser as others see it. */
export const natAddress = (number) => `11.0.0.${number + 2}`;

function ip(line) {
  execFileSync("ip", line.split(" "));
}
