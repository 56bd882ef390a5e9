import { expect, test } from 'vitest'
import { fuzz, runOne, type Target } from './engine.ts'
import { type Json, jsonText } from './json.ts'
import { failed, json, table } from './report.ts'

class Known extends Error {
  readonly code = 'Known'
}

const target = (run: (input: string) => unknown, more: Partial<Target<string>> = {}): Target =>
  ({
    name: 'test',
    typed: [Known],
    generate: () => 'x',
    run,
    show: (input: string) => input,
    parse: (shown: string) => shown,
    ...more,
  }) as Target<string> as unknown as Target // as in the list of targets

const failureOf = async (run: (input: string) => unknown, more?: Partial<Target<string>>) =>
  (await runOne(target(run, more), 'x')).failure

/** Uses this much processor time. */
const burn = (ms: number): void => {
  const cpu = () => process.threadCpuUsage()
  const { user, system } = cpu()
  while (cpu().user + cpu().system - user - system < ms * 1000);
}

test('a typed error is an outcome, any other error is a failure', async () => {
  const known = target(() => {
    throw new Known()
  })
  expect(await runOne(known, 'x')).toMatchObject({ outcome: 'Known' })
  const other = target(() => {
    throw new TypeError('no')
  })
  expect((await runOne(other, 'x')).failure).toMatch(/not a typed error: TypeError: no/)
})

test('an input that is accepted and should not be is a failure', async () => {
  const check = () => {
    throw new Error('it is 2')
  }
  expect(await failureOf(() => 1, { check })).toBe('accepted, and should not be: it is 2')
})

test('an input may take 50 ms, and more only if its format needs more', async () => {
  expect(await failureOf(() => burn(20))).toBeUndefined()
  expect(await failureOf(() => burn(60))).toMatch(/^6\d\.\d ms, 50 allowed$/)
  const allow = (input: string) => ({ ms: input.length * 30, bytes: 0 })
  expect(await failureOf(() => burn(60), { allow })).toBeUndefined()
  expect(await failureOf(() => burn(90), { allow })).toMatch(/ ms, 80 allowed$/)
})

test('an input that is slow only once is not a failure', async () => {
  let times = 0
  expect(await failureOf(() => times++ || burn(60))).toBeUndefined()
})

test('an input may take 32 MB', async () => {
  const large = await runOne(
    target(() => new Uint8Array(40 * 2 ** 20)),
    'x',
  )
  expect(large.failure).toMatch(/^40\.\d MiB, 32 allowed$/)
  expect(await failureOf(() => new Uint8Array(31 * 2 ** 20))).toBeUndefined()
})

test('a run of a number of inputs has the same inputs each time', async () => {
  const seen: string[] = []
  const random = target((input) => void seen.push(input), { generate: (chance) => chance.text(8) })
  for (let i = 0; i < 2; i++) {
    const report = await fuzz(random, { seed: 'a', seconds: Infinity, count: 5 })
    expect([report.inputs, report.failures]).toEqual([5, []])
  }
  expect(seen.slice(0, 5)).toEqual(seen.slice(5))
  expect(new Set(seen).size).toBe(5)
  await fuzz(random, { seed: 'a', seconds: Infinity, from: 3, count: 1 })
  expect(seen.at(-1)).toBe(seen[3])
})

test('a report shows the beginning of an input', async () => {
  const long = target(
    () => {
      throw new TypeError('no')
    },
    { generate: () => 'x'.repeat(5_000_000) },
  )
  const report = await fuzz(long, { seed: 'a', seconds: Infinity, count: 1 })
  const [failure] = report.failures
  if (!failure) throw new Error('no failure')
  expect(failure.input).toHaveLength(5_000_000)
  expect(failed(failure)).toContain('npm run fuzz -- --target test --seed a --input 0')
  expect(failed(failure)).toContain('x… (5000000 characters)')
  expect(failed(failure).length).toBeLessThan(2000)
  expect(table([report])).toMatch(/^test +1 .*\n\n1 inputs, 1 failures/m)
  expect(JSON.parse(json('a', [report]))).toMatchObject({ seed: 'a', passed: 0, failed: 1 })
  expect(json('a', [report]).length).toBeLessThan(2000)
})

test('JSON is written whole, however deep it nests', () => {
  const flat: Json = { a: [1, null, 'é"', {}, []], '': { b: [[]] }, c: [true, -0.5] }
  let deep: Json = flat
  for (let i = 0; i < 100_000; i++) deep = i % 2 ? [deep] : { a: deep, b: 1 }
  const text = jsonText(deep)
  expect(text).toBe(`${'[{"a":'.repeat(50_000)}${JSON.stringify(flat)}${',"b":1}]'.repeat(50_000)}`)
})
