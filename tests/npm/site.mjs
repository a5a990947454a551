// Load pages of the site in Chromium and print what is wrong with them, one problem a line:
//   node site.mjs CHROMIUM URL [SCREENSHOTS]
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [executablePath, url, screenshots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pages = [
  "index.html", "why.html", "start.html", "tutorial.html", "benchmarks.html", "howto/testing.html",
  "operations/chat.html", "operations/index.html", "recipes/index.html", "recipes/chat.html", "reference/index.html",
  "reference/oai-transports.html", "reference/options.html", "table.html", "design.html",
];
const problems = [];
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

async function open(colorScheme, width) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`${page.url()}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`${page.url()}: ${error}`));
  page.on("requestfailed", (request) => {
    if (request.failure().errorText !== "net::ERR_ABORTED") // the page was left before it had loaded
      problems.push(`${page.url()}: failed to load ${request.url()}: ${request.failure().errorText}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:"))
      problems.push(`${page.url()}: requests ${request.url()}`);
  });
  return page;
}

async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  for (const { id, impact, nodes } of violations)
    if (impact === "serious" || impact === "critical")
      problems.push(`${page.url()}: axe ${id} (${impact}): ${nodes.length} times, first ${nodes[0].html.slice(0, 200)}`);
}

for (const scheme of ["light", "dark"]) {
  const page = await open(scheme, 1280);
  const phone = await open(scheme, 375);
  for (const path of pages) {
    await page.goto(url + path);
    await violations(page);
    await phone.goto(url + path);
    await violations(phone);
    const overflow = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (overflow > 0) problems.push(`${path}: scrolls horizontally by ${overflow} px at 375 px`);
    if (screenshots) {
      const name = path.replaceAll("/", "-").replace(".html", "");
      await page.screenshot({ path: `${screenshots}/${name}-${scheme}.png` });
      await phone.screenshot({ path: `${screenshots}/${name}-${scheme}-phone.png` });
    }
  }
}

const page = await open("light", 1280);

await page.goto(`${url}search.html?q=embeddings`);
await page.locator("ul.search > li > a").first().waitFor({ timeout: 20000 }).catch(() => problems.push("search: nothing"));
if (screenshots) await page.screenshot({ path: `${screenshots}/search.png` });

// What newcomers search for, and the page that is to be among the first results.
for (const [query, wanted, places] of [
  ["embeddings", "operations/embeddings", 2],
  ["embeddings.create", "operations/embeddings", 1],
  ["/chat/completions", "operations/chat", 3],
  ["/vector_stores/{vector_store_id}/files", "operations/vector_stores", 1],
  ["corporate proxy", "howto/proxies-and-tls", 1],
  ["certificate", "howto/proxies-and-tls", 1],
  ["mock", "howto/testing", 2],
  ["resume upload", "howto/large-files", 1],
  ["timeout", "howto/timeouts", 1],
  ["stream hangs", "howto/timeouts", 1],
  ["retry", "howto/timeouts", 3],
  ["vllm", "howto/compatible-servers", 3],
  ["cost", "howto/costs", 1],
  ["budget", "howto/costs", 1],
  ["rate limit", "howto/limits", 2],
  ["azure", "howto/azure", 1],
  ["environment variables", "options", 1],
  ["command line", "command-line", 1],
  ["webhook", "howto/webhooks", 1],
  ["fastapi", "howto/web-frameworks", 3],
  ["docker", "howto/deployment", 1],
  ["langchain", "howto/official-sdk", 1],
  ["llama-index", "howto/official-sdk", 1],
  ["llamaindex", "howto/official-sdk", 1],
  ["instructor", "howto/official-sdk", 1],
  ["haystack", "howto/official-sdk", 1],
  ["pydantic-ai", "howto/official-sdk", 1],
  ["openai-agents", "howto/official-sdk", 1],
  ["ollama", "howto/providers", 1],
  ["proxy", "howto/proxies-and-tls", 1],
  ["retries", "howto/timeouts", 3],
  ["vcr", "howto/vcrpy", 1],
]) {
  const found = await page.evaluate((text) => Search._performSearch(...Search._parseQuery(text)), query);
  const names = found.reverse().map(([name]) => name); // Sphinx takes them from the end
  if (!names.slice(0, places).includes(wanted))
    problems.push(`search: '${query}' finds ${names.slice(0, 6).join(", ")}; ${wanted} is not among the first ${places}`);
}

// By keyboard alone: from the top of the first page into the search box, to a result, and onto its page.
await page.goto(`${url}index.html`);
let reached = false;
for (let presses = 0; presses < 40 && !reached; presses += 1) {
  await page.keyboard.press("Tab");
  reached = await page.evaluate(() => document.activeElement.matches("input.sidebar-search"));
}
if (!reached) problems.push("keyboard: 40 times Tab does not reach the search box");
else {
  await page.keyboard.type("retrieve a model");
  await page.keyboard.press("Enter");
  await page.locator("ul.search li a").first().waitFor({ timeout: 20000 });
  let focused = false;
  for (let presses = 0; presses < 300 && !focused; presses += 1) {
    await page.keyboard.press("Tab");
    focused = await page.evaluate(() => document.activeElement.matches("ul.search li a"));
  }
  if (!focused) problems.push("keyboard: Tab does not reach a search result");
  else {
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    if (outline === "none") problems.push("keyboard: the focused link is not visible as such");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    if (page.url().includes("search.html")) problems.push("keyboard: Enter does not open the result");
  }
}

await browser.close();
for (const problem of new Set(problems)) console.log(problem);
process.exitCode = problems.length ? 1 : 0;
