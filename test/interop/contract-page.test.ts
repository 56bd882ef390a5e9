/**
 * The page of `pds-contract --html` in a real browser, on a phone and in a wide window, by day and by night. With
 * CONTRACT_PICTURES=1 it writes the pictures that docs/contract.md shows.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { htmlReport } from '../../src/contract/report/html/htmlReport.ts'
import { junitReport } from '../../src/contract/report/junitReport.ts'
import type { Report } from '../../src/contract/types.ts'
import { exampleReport, hostileReport } from '../contract/exampleReport.ts'
import { startBrowser, violations } from './support/browser.ts'

const DOCS = join(import.meta.dirname, '../../docs')
const MAX_PICTURE_BYTES = 300_000
const PHONE = { width: 360, height: 1400 }
const WIDE = { width: 1440, height: 1100 }

let browser: Browser
let folder: string
beforeAll(async () => {
  browser = await startBrowser()
  folder = await mkdtemp(join(tmpdir(), 'contract-page-'))
})
afterAll(async () => {
  await browser?.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

interface Opened extends AsyncDisposable {
  page: Page
  /** What the page asked for, but for itself. */
  asked: string[]
}

async function open(
  report: Report,
  viewport: { width: number; height: number },
  colorScheme: 'light' | 'dark' = 'light',
): Promise<Opened> {
  const file = join(folder, 'report.html')
  await writeFile(file, htmlReport(report, ['must'], '0.1.0'))
  const context = await browser.newContext({ viewport, colorScheme })
  const page = await context.newPage()
  const asked: string[] = []
  const url = pathToFileURL(file).href
  page.on('request', (request) => void (request.url() === url || asked.push(request.url())))
  await page.goto(url)
  return { page, asked, [Symbol.asyncDispose]: () => context.close() }
}

const unfold = (page: Page): Promise<unknown> =>
  page.evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true })')

/** How many pixels of the page are beside the window. */
const beside = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - window.innerWidth')

const long = (): Report => {
  const report = exampleReport()
  const text = 'x'.repeat(3000)
  const findings = report.findings.map((one) => ({
    ...one,
    subject: `com.example.${text}`,
    got: text,
    exchanges: [{ curl: text, status: 200, headers: { [text]: text }, body: text }],
  }))
  return { ...report, findings, absent: [text], did: text, version: text }
}

describe.each([
  ['a phone', PHONE],
  ['a wide window', WIDE],
] as const)('on %s', (_, size) => {
  it.each(['light', 'dark'] as const)('is readable in %s, folded and unfolded', async (scheme) => {
    await using opened = await open(exampleReport({ left: ['a record'] }), size, scheme)
    const { page, asked } = opened
    expect([await beside(page), await violations(page)]).toEqual([0, []])
    await unfold(page)
    expect([await beside(page), await violations(page)]).toEqual([0, []])
    expect(asked).toEqual([])
  })

  it.each([
    [
      'a clean run',
      exampleReport({ findings: exampleReport().findings.filter(({ outcome }) => outcome === 'kept') }),
    ],
    ['an interrupted run', exampleReport({ interrupted: true })],
    ['a run that ended early', exampleReport({ incomplete: [{ area: 'repo', reason: 'it went away' }] })],
    ['long words', long()],
  ] as const)('is readable for %s', async (_name, report) => {
    await using opened = await open(report, size)
    const { page } = opened
    await unfold(page)
    expect([await beside(page), await violations(page)]).toEqual([0, []])
  })
})

it('is judged by an axe-core that finds what is wrong', async () => {
  await using opened = await open(exampleReport(), PHONE)
  const { page } = opened
  await page.setContent('<p style="color: #bbb; background: #fff">pale</p><img src="data:,">')
  const found = (await violations(page)).map(({ id }) => id)
  expect(found).toEqual(expect.arrayContaining(['color-contrast', 'image-alt', 'html-has-lang']))
})

it('shows only what has the outcome that was chosen, without a script', async () => {
  await using opened = await open(exampleReport(), WIDE)
  const { page } = opened
  await unfold(page)
  const shown = () => page.locator('.finding:visible .badge').allInnerTexts()
  expect(await shown()).toHaveLength(8)
  await page.getByLabel('known').check()
  expect(await shown()).toEqual(['known'])
  expect(await page.locator('.rule:visible').count()).toBe(1)
  // By keyboard to the next choice.
  await page.keyboard.press('ArrowRight')
  expect(await shown()).toEqual(['unclear'])
  await page.getByLabel('all').check()
  expect(await shown()).toHaveLength(8)
})

it('unfolds a finding to its request and answer', async () => {
  await using opened = await open(exampleReport(), WIDE)
  const { page } = opened
  const body = page.getByText('"InternalServerError","message"')
  expect(await body.isVisible()).toBe(false)
  await page.getByText('a limit of 0: 500 InternalServerError').click()
  expect(await body.isVisible()).toBe(true)
})

it('has a hostile server’s text as text', async () => {
  await using opened = await open(hostileReport(), WIDE)
  const { page, asked } = opened
  await unfold(page)
  expect(await page.title()).toBe('pds.example.com: contract')
  expect(await page.locator('script, img, .injected, iframe').count()).toBe(0)
  expect(await page.locator('.finding').count()).toBe(8)
  expect(asked).toEqual([])
  expect(await beside(page)).toBe(0)
})

it('writes JUnit that an XML parser reads, with a hostile server’s text in it', async () => {
  await using opened = await open(exampleReport(), WIDE)
  const { page } = opened
  const count = (xml: string): Promise<number[]> =>
    page.evaluate(
      `((xml) => { const parsed = new DOMParser().parseFromString(xml, 'application/xml'); return ['parsererror', 'testsuite', 'testcase', 'failure'].map((name) => parsed.getElementsByTagName(name).length) })(${JSON.stringify(xml)})`,
    )
  expect(await count(junitReport(exampleReport(), ['must']))).toEqual([0, 4, 8, 1])
  const [errors, , cases] = await count(junitReport(hostileReport(), ['must']))
  expect([errors, cases]).toEqual([0, 9])
  expect((await count('<a>'))[0]).toBeGreaterThan(0)
})

/** Width and height of a PNG. */
const sizeOf = (png: Buffer): number[] => [png.readUInt32BE(16), png.readUInt32BE(20)]

it.each([
  ['contract-report-wide.png', WIDE],
  ['contract-report-phone.png', PHONE],
] as const)('stands in docs/ as a picture: %s', async (name, size) => {
  await using opened = await open(exampleReport(), size)
  const { page } = opened
  await page.getByText('a limit of 0: 500 InternalServerError').click()
  const picture = await page.screenshot({ type: 'png' })
  expect(sizeOf(picture)).toEqual([size.width, size.height])
  const file = join(DOCS, name)
  if (process.env['CONTRACT_PICTURES'] === '1') await writeFile(file, picture)
  expect(existsSync(file)).toBe(true)
  expect(sizeOf(await readFile(file))).toEqual([size.width, size.height])
  expect((await stat(file)).size).toBeLessThan(MAX_PICTURE_BYTES)
})
