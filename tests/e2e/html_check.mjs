// Opens the HTML report in Chromium and prints what it saw as JSON; test_html.py judges.
// node html_check.mjs PLAN.json, where PLAN holds {page, driver, chromium, shots}.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const plan = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { chromium } = createRequire(import.meta.url)(plan.driver);
const url = pathToFileURL(plan.page).href;
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--hide-scrollbars'];
const seen = { noise: [], ran: [], views: [], copies: {}, all: [] };

// Runs in the page: geometry and the contrast of every text that is on show (WCAG 2.1, 1.4.3: relative luminance).
function measure() {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (element) => {
    if (!element) return [255, 255, 255, 1];
    const colour = parse(getComputedStyle(element).backgroundColor);
    return colour[3] === 1 ? colour : over(colour, behind(element.parentElement));
  };
  const of = (element) => {
    const style = getComputedStyle(element);
    const ground = behind(element);
    return contrast(over(parse(element instanceof SVGTextElement ? style.fill : style.color), ground), ground);
  };
  const scrolls = (element) => element && (/auto|scroll/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  const width = window.innerWidth;
  const result = { scrollWidth: document.documentElement.scrollWidth, body: of(document.body), page: getComputedStyle(document.body).backgroundColor,
    texts: 0, faint: [], tiny: [], cut: [], wide: [] };
  for (const element of document.body.querySelectorAll('*')) {
    if (element.getBoundingClientRect().right > width + 0.5 && !scrolls(element) && result.wide.length < 5) result.wide.push(element.className || element.tagName);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || ['SCRIPT', 'STYLE'].includes(element.tagName) || !element.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (box.width === 0) continue;
    result.texts += 1;
    const what = node.data.trim().slice(0, 60);
    const ratio = of(element);
    if (ratio < 4.5) result.faint.push(`${ratio.toFixed(2)} ${element.className}: ${what}`);
    if (!(element instanceof SVGElement) && parseFloat(getComputedStyle(element).fontSize) < 12) result.tiny.push(what);
    if ((box.right > width + 0.5 || box.left < -0.5) && !scrolls(element)) result.cut.push(what);
  }
  return result;
}

async function open(browser, width, scheme) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, permissions: ['clipboard-read', 'clipboard-write'] });
  await context.addInitScript(() => {
    window.ran = [];
    for (const name of ['alert', 'confirm', 'prompt']) window[name] = (text) => { window.ran.push(`${name} ${text}`); };
    window.realClipboard = navigator.clipboard;
  });
  const page = await context.newPage();
  const note = (kind, text) => seen.noise.push(`${kind}: ${text}`);
  page.on('console', (message) => note(`console ${message.type()}`, message.text()));
  page.on('pageerror', (error) => note('error', error.message));
  page.on('dialog', (dialog) => { note('dialog', dialog.message()); dialog.dismiss(); });
  page.on('popup', () => note('popup', ''));
  // A data: URL asks nobody; the icon is one.
  page.on('request', (request) => { if (request.url() !== url && !request.url().startsWith('data:')) note('request', request.url()); });
  await page.goto(url);
  return page;
}

const openAll = (page) => page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
// Twice a frame, so that the labels and the layout have settled.
const settle = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

async function close(page) {
  seen.ran.push(...await page.evaluate(() => window.ran));
  await page.context().close();
}

async function look(browser) {
  for (const width of [390, 1600]) {
    for (const scheme of ['light', 'dark']) {
      const page = await open(browser, width, scheme);
      seen.views.push({ width, scheme, state: 'as opened', ...await page.evaluate(measure) });
      const height = Math.min(6000, await page.evaluate(() => document.documentElement.scrollHeight));
      await page.screenshot({ path: `${plan.shots}/${width}-${scheme}.png`, fullPage: true, clip: { x: 0, y: 0, width, height } });
      await openAll(page);
      await settle(page);
      seen.views.push({ width, scheme, state: 'all open', ...await page.evaluate(measure) });
      await close(page);
    }
  }
}

/// Presses the button and says what is on the clipboard then. With the mouse for the first of them; from within the page for the rest, which
/// repaints nothing and so is many times cheaper.
async function press(page, button, withMouse) {
  await page.evaluate(() => window.realClipboard.writeText('nothing was copied'));
  if (withMouse) await button.click();
  return button.evaluate(async (element, mouse) => {
    if (!mouse) element.click();
    for (let left = 200; left > 0 && !/^(Copied|Select and copy)$/.test(element.textContent); left -= 1) {
      await new Promise((done) => setTimeout(done, 5));
    }
    return { label: element.textContent, copied: await window.realClipboard.readText() };
  }, withMouse);
}

async function copyEach(browser, path) {
  const page = await open(browser, 1600, 'light');
  if (path === 'field') await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await openAll(page);
  const copies = [];
  for (const button of await page.$$('[data-copy="one"]')) {
    const { kind, shown } = await button.evaluate((element) => ({
      kind: element.closest('.undo') ? 'undo' : element.closest('.fix') ? 'fix' : 'checklist',
      shown: element.parentElement.querySelector('code').textContent }));
    copies.push({ kind, shown, ...await press(page, button, copies.length < 3) });
  }
  seen.copies[path] = copies;
  seen.buttons = await page.evaluate(() => Array.from(document.querySelectorAll('[data-copy="one"]')).filter((b) => b.checkVisibility()).length);
  if (path === 'clipboard') {
    for (const button of await page.$$('[data-copy="all"]')) {
      const shown = await button.evaluate((element) => Array.from(element.closest('.body').querySelectorAll('.fix > .code'))
        .filter((code) => code.querySelector('button')).map((code) => code.querySelector('code').textContent).join('\n'));
      seen.all.push({ shown, ...await press(page, button, seen.all.length < 1) });
    }
  }
  await close(page);
}

async function names(browser) {
  const page = await open(browser, 390, 'light');
  await openAll(page);
  Object.assign(seen, await page.evaluate(() => ({
    objects: Array.from(document.querySelectorAll('.object')).filter((e) => e.checkVisibility() && e.offsetHeight > 0).map((e) => e.innerText),
    elements: Object.fromEntries(['h1', 'img', 'script', 'style'].map((tag) => [tag, document.querySelectorAll(tag).length])),
    silent: Array.from(document.querySelectorAll('.code')).filter((code) => !code.querySelector('button') &&
      !/control characters/.test(code.nextElementSibling ? code.nextElementSibling.textContent : '')).map((code) => code.textContent),
  })));
  const count = () => page.evaluate(() => Array.from(document.querySelectorAll('.rule')).filter((rule) => rule.checkVisibility()).length);
  const every = await count();
  await page.fill('#search', 'orders_3');
  const some = await count();
  await page.fill('#search', 'no such word anywhere');
  const none = await count() === 0 && await page.isVisible('#none');
  seen.filter = { every, some, none };
  await close(page);
}

const browser = await chromium.launch({ executablePath: plan.chromium, headless: true, args });
try {
  await look(browser);
  await names(browser);
  await copyEach(browser, 'clipboard');
  await copyEach(browser, 'field');
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));
