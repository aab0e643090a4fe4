import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentHost, saying, textOf } from './support/agent-host.ts';
import { newConversationPartner } from './support/connection.ts';
import { stack } from './support/stack.ts';

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
