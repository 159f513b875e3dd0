import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evidenceOf, failed, passed, workedExample } from './evidence.fixture.ts';
import { html } from './html.ts';
import { judge } from './judge.ts';
import type { Report } from './model.ts';

/** report.html in a real Chromium, opened from a file as a reader does. */

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = PLACES.find((place) => place !== undefined && existsSync(place));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.skipIf(executablePath === undefined)('report.html in Chromium', () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assay-html-'));
    const quiet = [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ];
    browser = await chromium.launch({ ...(executablePath === undefined ? {} : { executablePath }), args: quiet });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Opened {
    readonly page: Page;
    readonly requests: string[];
    readonly errors: string[];
  }

  async function open(
    report: Report,
    options: { dark?: boolean; inspect?: boolean; hash?: string } = {},
  ): Promise<Opened> {
    const file = join(folder, `${report.run.id}.html`);
    writeFileSync(file, html(report));
    const context = await browser.newContext({
      colorScheme: options.dark ? 'dark' : 'light',
      viewport: { width: 1_000, height: 800 },
      bypassCSP: options.inspect ?? false,
    });
    const page = await context.newPage();
    const requests: string[] = [];
    const errors: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => errors.push(message.text()));
    page.on('dialog', (dialog) => errors.push(`dialog ${dialog.message()}`));
    await page.goto(`file://${file}${options.hash ?? ''}`);
    return { page, requests, errors };
  }

  const report = judge(workedExample());

  test.each([false, true])(
    'has nothing for axe to find, dark %s',
    async (dark) => {
      const { page } = await open(report, { dark, inspect: true });
      await page.evaluate(axe);
      const violations = await page.evaluate(async () => {
        const { axe: found } = globalThis as unknown as {
          axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
        };
        return (await found.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
      });
      expect(violations).toEqual([]);
    },
    30_000,
  );

  test('asks no network, and runs under its own policy without an error', async () => {
    const { requests, errors } = await open(report);
    expect(requests).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  test('filters by words and by status, with the keyboard alone', async () => {
    const { page } = await open(report);
    const shown = (): Promise<number> => page.locator('tr.check:visible').count();
    expect(await shown()).toBe(23);
    await page.getByLabel('Find').focus();
    await page.keyboard.type('kafka blocked');
    expect(await shown()).toBe(4);
    expect(await page.locator('output').textContent()).toBe('4 of 23 checks');
    await page.getByLabel('Find').fill('');
    await page.getByLabel('blocked').focus();
    await page.keyboard.press('Space');
    expect(await shown()).toBe(19);
  });

  test('a deep link shows its check, and shows it again when a filter hides it', async () => {
    const { page } = await open(report, { hash: '#es/es.heap' });
    const row = page.locator('[id="es/es.heap"]');
    expect(await row.isVisible()).toBe(true);
    await page.getByLabel('Find').fill('no such check');
    expect(await row.isVisible()).toBe(false);
    await page.evaluate("location.hash = '#kafka/kafka.create'");
    await page.locator('[id="kafka/kafka.create"]').waitFor({ state: 'visible' });
  });

  test('prints every check, without what is only for the screen', async () => {
    const { page } = await open(report);
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('.filter').isVisible()).toBe(false);
    expect(await page.locator('tr.check:visible').count()).toBe(23);
  });

  test('is no wider than a phone, but for tables that scroll by themselves', async () => {
    const { page } = await open(report);
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  });

  test('runs nothing that a service said', async () => {
    const evil = '</script><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>';
    const evidence = evidenceOf(
      [
        {
          id: 'kafka',
          weight: 1,
          checks: [
            ['kafka.a', 'reach', failed(evil)],
            ['kafka.b', 'serve', passed()],
          ],
        },
      ],
      {
        phase: { name: evil, notes: evil },
      },
    );
    const { page, requests, errors } = await open(judge(evidence));
    expect(errors).toEqual([]);
    expect(requests).toHaveLength(1);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('h1').textContent()).toContain(evil);
  });
});
