/** What a run is written as: nothing that a server sends is anything but text in it, and its size has bounds. */
import { describe, expect, it } from 'vitest'
import { htmlReport } from '../../src/contract/report/html/htmlReport.ts'
import { jsonReport } from '../../src/contract/report/jsonReport.ts'
import { junitReport } from '../../src/contract/report/junitReport.ts'
import { exampleReport, finding, hostileReport } from './exampleReport.ts'

const html = (report = exampleReport()) => htmlReport(report, ['must'], '1.2.3').replaceAll(/\s+/g, ' ')

describe('the page', () => {
  it('has the verdict, each rule with its source, and each finding with request and answer', () => {
    const page = html()
    expect(page).toContain('1 finding of level must, of 1 rule.')
    expect(page).toContain(
      '<a href="https://atproto.com/specs/xrpc#summary-of-http-status-codes" rel="noreferrer">',
    )
    expect(page).toContain('a limit of 0: 500 InternalServerError')
    expect(page).toContain('curl -i &#39;https://pds.example.com/xrpc/com.atproto.sync.listRepos')
    expect(page).toContain('{&quot;error&quot;:&quot;InternalServerError&quot;')
    for (const text of ['a token that does not decode', 'the account has no records', 'OAuth', 'the session'])
      expect(page.toLowerCase()).toContain(text.toLowerCase())
  })

  it('says so where a run was interrupted, or did not come to its end', () => {
    expect(html(exampleReport({ interrupted: true }))).toContain(
      'Interrupted: what is missing was not tried.',
    )
    const ended = exampleReport({ incomplete: [{ area: 'repo', reason: 'it went away' }] })
    expect(html(ended)).toContain('Not tried to its end: <br />repo: it went away')
  })

  it('takes nothing from elsewhere, and runs no script', () => {
    const page = html()
    expect(page).not.toMatch(/<(script|link|img|iframe|object|embed|base)\b/i)
    expect(page).not.toMatch(/url\(|@import|\bon\w+=/i)
    expect(page).toContain("default-src 'none'")
  })

  it('has a hostile server’s text as text', () => {
    const page = html(hostileReport())
    expect(page).not.toMatch(/<(script|img|b)\b/i)
    expect(page).toContain('&lt;script&gt;document.title=&quot;taken&quot;&lt;/script&gt;')
    // Nothing that moves, hides or turns around what is beside it.
    expect(page).not.toMatch(/(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}]/u)
  })

  it('has a bounded size, whatever a server sends', () => {
    const example = exampleReport().findings[0]
    if (!example) throw new Error('no example')
    const long = 'x'.repeat(1_000_000)
    const huge = { curl: long, status: 500, headers: { a: long }, body: long }
    const findings = Array.from({ length: 3000 }, (_, i) =>
      finding(example.rule, 'com.example.a', 'broken', {
        case: `${i} ${long}`,
        got: long,
        exchanges: [huge, huge, huge],
      }),
    )
    const page = html(exampleReport({ findings, absent: findings.map(() => long) }))
    expect(page.length).toBeLessThan(16_000_000)
    expect(page).toContain('… and 2700 more')
  })
})

describe('JUnit', () => {
  it('has a suite for each rule and a case for each finding', () => {
    const xml = junitReport(exampleReport(), ['must'])
    expect(xml.match(/<testsuite /g)).toHaveLength(4)
    expect(xml.match(/<testcase /g)).toHaveLength(8)
    expect(xml.match(/<failure /g)).toHaveLength(1)
    expect(xml).toContain('tests="8" failures="1" errors="0" skipped="3" time="83"')
    expect(xml).toContain(
      '<testcase classname="repo.export" name="com.atproto.sync.getRepo: since the second',
    )
    expect(junitReport(exampleReport(), ['must', 'should']).match(/<failure /g)).toHaveLength(2)
  })

  it('has an error for what did not come to its end', () => {
    const xml = junitReport(exampleReport({ incomplete: [{ area: 'repo', reason: 'gone' }] }), ['must'])
    expect(xml).toContain('errors="1"')
    expect(xml).toContain('<error message="gone"/>')
  })

  it('is well-formed with a hostile server’s text', () => {
    const xml = junitReport(hostileReport(), ['must'])
    expect(xml).not.toMatch(/(?![\t\n])[\p{Cc}\p{Cs}]/u)
    // Outside of tags there is no `<`, and inside of quotes neither; entities are the known ones.
    const text = xml.replaceAll(/<\??\/?[a-z]+( [a-z]+="[^"<]*")*\/?\??>/g, '')
    expect(text).not.toMatch(/[<>]/)
    expect(text.replaceAll(/&(amp|lt|gt|quot|apos|#\d+);/g, '')).not.toContain('&')
  })
})

describe('JSON', () => {
  it('has the rules once, and each finding with the id of its rule', () => {
    const json = jsonReport(exampleReport(), ['must'], '1.2.3')
    expect(json).toMatchObject({
      format: 1,
      tool: { name: 'pds-contract', version: '1.2.3' },
      ok: false,
      summary: { must: { kept: 3, broken: 1, known: 1, unclear: 1 }, should: { kept: 1, broken: 1 } },
    })
    expect(json.rules.map(({ id }) => id)).toEqual([
      'answer.no-failure',
      'answer.cors',
      'repo.export',
      'repo.proof-of-presence',
    ])
    expect(json.findings).toHaveLength(8)
    expect(json.findings[0]).toMatchObject({
      rule: 'answer.no-failure',
      outcome: 'broken',
      exchanges: [{ status: 500 }],
    })
    expect(json.findings[1]).toMatchObject({ outcome: 'kept', exchanges: [] })
  })

  it('is ok only where nothing that counts is broken and all was tried', () => {
    const clean = exampleReport({ findings: exampleReport().findings.slice(1) })
    const ok = (more: object, levels: readonly ('must' | 'should')[] = ['must']) =>
      jsonReport({ ...clean, ...more }, levels, '1').ok
    expect(ok({})).toBe(true)
    expect(ok({}, ['must', 'should'])).toBe(false)
    expect(ok({ interrupted: true })).toBe(false)
    expect(ok({ incomplete: [{ area: 'repo', reason: 'gone' }] })).toBe(false)
  })
})
