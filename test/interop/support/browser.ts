import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { chromium, type Browser, type Page } from 'playwright-core'

/** A violation that axe-core found: its rule, and where. */
export interface Violation {
  readonly id: string
  readonly help: string
  readonly nodes: readonly string[]
}

/** Starts the Chromium of this machine. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] || '/usr/bin/chromium'
  if (!existsSync(executablePath))
    throw new Error(
      `${executablePath} is not there: install Chromium (Debian: apt-get install chromium), or name it in CHROMIUM`,
    )
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

const axe = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe-core finds on a page: contrast, names, structure. */
export async function violations(page: Page): Promise<Violation[]> {
  // By the debugger and not as an element: the page forbids scripts.
  await page.evaluate(await axe)
  return page.evaluate<Violation[]>(
    `axe.run().then(({ violations }) => violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.slice(0, 5).map(({ html }) => html) })))`,
  )
}
