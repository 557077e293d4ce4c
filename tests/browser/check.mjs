// Opens the sample pages in Chromium, and fails if one of them asks for anything, runs anything, or
// cannot be used: node check.mjs FOLDER. CHROMIUM names the browser.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

const folder = resolve(process.argv[2]);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pages = ["month", "hostile", "empty", "damaged", "many", "alert", "alert-hostile"];
const problems = [];

// Hostile names ask for this address. Nobody may.
const heard = [];
const listener = createServer((request, response) => {
  heard.push(request.url);
  response.end();
});
await new Promise((ready) => listener.listen(8999, "127.0.0.1", ready));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || undefined,
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

// Opens a page, and notes whatever it does that a page without requests and foreign scripts does not.
async function open(name, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const url = pathToFileURL(`${folder}/${name}.html`).href;
  const note = (what) => problems.push(`${name}: ${what}`);
  page.on("request", (request) => request.url() !== url && note(`requests ${request.url()}`));
  page.on("pageerror", (error) => note(`script error: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && note(`console: ${message.text()}`));
  page.on("dialog", (dialog) => {
    note(`opens a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("popup", () => note("opens a window"));
  await page.goto(url);
  return { page, context, note };
}

async function checkInert(name) {
  const { page, context, note } = await open(name);
  const title = await page.title();
  if (!title.endsWith("– Trailbell")) note(`the title is ${title}`);
  const foreign = await page.evaluate(() => {
    const selector = "img, iframe, object, embed, form, base, link, video, audio, [style]";
    const handlers = [...document.querySelectorAll("*")].filter((element) =>
      [...element.attributes].some((attribute) => attribute.name.startsWith("on")),
    );
    return [...document.querySelectorAll(selector), ...handlers].map((element) => element.outerHTML);
  });
  foreign.forEach((element) => note(`has ${element.slice(0, 200)}`));
  const links = await page.locator("a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  const isHarmless = (href) => href.startsWith("#") || href.startsWith("https://");
  links.filter((href) => !isHarmless(href)).forEach((href) => note(`links to ${href}`));
  // All is unfolded and pointed at, so that what waits for that would happen.
  await page.evaluate(() => document.querySelectorAll("details").forEach((it) => (it.open = true)));
  for (const cell of (await page.locator("td, li").all()).slice(0, 60)) await cell.hover({ force: true });
  await context.close();
}

async function checkAccessible(name, colorScheme, width) {
  const viewport = { width, height: 900 };
  const { page, context, note } = await open(name, { bypassCSP: true, colorScheme, viewport });
  await page.addScriptTag({ content: axe });
  const { violations } = await page.evaluate(() => axe.run());
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  for (const { id, nodes } of serious) {
    note(`axe, ${colorScheme}, ${width} px: ${id}: ${nodes[0].html.slice(0, 200)} (${nodes.length})`);
  }
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (overflow > 0) note(`is ${overflow} px wider than a screen of ${width}`);
  await context.close();
}

async function checkWithoutScript() {
  const { page, context, note } = await open("many", { javaScriptEnabled: false });
  const text = await page.locator("main").textContent();
  if (!text.includes("engineer-")) note("shows no events without its script");
  if (await page.locator(".tools").isVisible()) note("shows a filter that cannot work");
  await context.close();
}

async function checkFilter() {
  const { page, context, note } = await open("many");
  const rows = await page.locator(".ev tbody tr").count();
  if (rows !== 10_000) note(`has ${rows} rows`);
  await page.getByLabel("Filter").fill("engineer-300 ");
  await page.waitForFunction(() => document.getElementById("matches").textContent !== "");
  const shown = await page.locator(".ev tbody tr:not([hidden])").count();
  if (shown === 0 || shown > 200) note(`the filter shows ${shown} rows`);
  await page.keyboard.press("Tab");
  const focused = await page.evaluate(() => document.activeElement.id);
  if (focused !== "unfold") note(`Tab leads from the filter to ${focused}`);
  await context.close();
}

async function checkKeyboard() {
  const { page, context, note } = await open("month");
  await page.keyboard.press("Tab");
  const skip = await page.evaluate(() => document.activeElement.textContent);
  if (skip !== "Skip to the report") note(`the first stop of Tab is ${skip}`);
  await page.locator(".open a").first().press("Enter");
  const target = await page.evaluate(() => document.querySelector(":target")?.id ?? "nothing");
  if (!/^[ie]-/.test(target)) note(`the first link leads to ${target}`);
  await context.close();
}

async function checkPrint() {
  const { page, context, note } = await open("month");
  const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
  const [, width, height] = pdf.match(/\/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]/) ?? [];
  if (Math.round(width) !== 595 || Math.round(height) !== 842) note(`prints on ${width} × ${height}`);
  await context.close();
}

for (const name of pages) await checkInert(name);
for (const name of ["month", "hostile", "empty", "alert"]) {
  for (const scheme of ["light", "dark"]) await checkAccessible(name, scheme, 1280);
  await checkAccessible(name, "light", 390);
}
await checkWithoutScript();
await checkFilter();
await checkKeyboard();
await checkPrint();
heard.forEach((url) => problems.push(`the listener was asked for ${url}`));

await browser.close();
listener.close();
problems.forEach((problem) => console.error(problem));
if (problems.length > 0) process.exit(1);
console.log(`${pages.length} pages in Chromium: inert, accessible, printable`);
