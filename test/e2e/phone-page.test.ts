import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentHost, mediaIdOf, saying, textOf } from './support/agent-host.ts';
import { newConversationPartner } from './support/connection.ts';
import { stack } from './support/stack.ts';

/** A PNG. */
const onePixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let host: AgentHost;
let browser: Browser;
beforeAll(async () => {
  host = await AgentHost.open();
  // Chromium comes inside its npm package; a browser that is installed may be named instead.
  const executablePath = process.env.CHROMIUM_PATH ?? (await chromium.executablePath());
  browser = await playwright.launch({ executablePath, args: chromium.args, headless: true });
});
afterAll(async () => {
  await browser.close();
  await host[Symbol.asyncDispose]();
});

test('a customer types a message, and sees it read and answered by the agent', async () => {
  const { agent, number } = await newConversationPartner(host, 'shop');
  agent.answer = (heard) => saying(`You said: ${textOf(heard)}`);
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));

  await page.goto(`${stack.simulator}/?number=${number}`);
  await page.getByLabel('Message', { exact: true }).fill('Grüße 👋');
  await page.getByRole('button', { name: 'Send' }).click();

  const chat = page.getByRole('log', { name: 'Messages' });
  await chat.getByText('You said: Grüße 👋').waitFor({ timeout: 20_000 });
  await chat.locator('.ticks.read').first().waitFor({ timeout: 5_000 });
  expect(problems).toEqual([]);
});

test('a customer attaches a photo, and gets it back from the agent', async () => {
  const { agent, api, number } = await newConversationPartner(host, 'photographer');
  const path = `/v1/agents/${agent.id}/media`;
  agent.answer = async (heard) => {
    const file = await fetch((await api.get(`${path}/${mediaIdOf(heard)}`)).headers.get('location') ?? '');
    const headers = { 'content-type': file.headers.get('content-type') ?? '' };
    const rawBody = new Uint8Array(await file.arrayBuffer());
    const { body: uploaded } = await api.call<{ readonly id: string }>('POST', path, { rawBody, headers });
    return { messages: [{ type: 'image', image: { id: uploaded.id } }] };
  };
  const page = await browser.newPage();
  await page.goto(`${stack.simulator}/?number=${number}`);
  const photo = Buffer.from(onePixel, 'base64');
  await page.getByLabel('Attach a file').setInputFiles({ name: 'cat.png', mimeType: 'image/png', buffer: photo });
  const pictures = page.getByRole('log', { name: 'Messages' }).locator('a img');
  await pictures.nth(1).waitFor({ timeout: 20_000 });
  for (const index of [0, 1]) {
    const source = await pictures.nth(index).getAttribute('src');
    const shown = await page.request.get(new URL(source ?? '', page.url()).href);
    expect((await shown.body()).equals(photo), `${shown.status()} ${source}`).toBe(true);
  }
});
