// What the trials have in common: programs of the repository, and a browser.
//
// VELITHON_PROGRAMS is the folder of the programs, CHROMIUM the path of the browser.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const { VELITHON_PROGRAMS: folder, CHROMIUM: executablePath = "/usr/bin/chromium" } = process.env;

const options = {
  executablePath,
  chromiumSandbox: false, // which root may not have; it opens our own pages only
  args: ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"],
};

export const launch = () => chromium.launch(options);

// launchProfile returns the one context of a browser whose user lets sites have their
// cookies within those of others, as not all browsers do by default.
export async function launchProfile(folder) {
  await mkdir(`${folder}/Default`, { recursive: true });
  await writeFile(`${folder}/Default/Preferences`, JSON.stringify({ profile: { cookie_controls_mode: 0 } }));
  return chromium.launchPersistentContext(folder, options);
}

// open opens a page, and returns it with what it asks for and what is wrong with it.
export async function open(context, url) {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const asked = [];
  const complaints = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("websocket", (socket) => asked.push(socket.url()));
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText;
    if (why !== "net::ERR_ABORTED") complaints.push(`${request.url()}: ${why}`); // by a page that was left
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.exposeFunction("complain", (text) => complaints.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      window.complain(`${event.violatedDirective} forbids ${event.blockedURI || "what is inline"}`);
    });
  });
  const response = await page.goto(url);
  return { page, response, asked, complaints };
}

// start starts a program, and returns its port, its log with what emits "line", and stop, which
// sends a signal and returns the exit code.
export async function start(name, ...args) {
  assert(folder, "VELITHON_PROGRAMS is not set: bash .ci/browser");
  const child = spawn(`${folder}/${name}`, ["-listen", "127.0.0.1:0", ...args], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  const log = [];
  const stop = async (signal = "SIGKILL") => {
    child.kill(signal);
    return (await ended)[0];
  };
  const lines = createInterface({ input: child.stderr });
  const port = await new Promise((resolve, reject) => {
    lines.on("line", (line) => {
      log.push(line);
      const found = line.match(/listening.* address=127\.0\.0\.1:(\d+)/);
      if (found) resolve(Number(found[1]));
    });
    lines.on("close", () => reject(new Error(`${name} does not listen: ${log.join("\n")}`)));
  });
  return { port, stop, log, lines };
}
