import { afterAll, beforeAll, expect, it } from 'vitest'
import { FAULTS, faulty } from './faulty.ts'
import { main } from './main.ts'
import { serve, type Served } from './serve.ts'
import { stub } from './stub.ts'
import { HELD, STUB_CREDENTIALS } from './stubHandlers.ts'

let healthy: Served
let broken: Served

beforeAll(async () => {
  healthy = await serve(stub())
  const fault = FAULTS.find(({ name }) => name === 'a required output field left out')
  if (!fault) throw new Error('no such fault')
  broken = await serve(faulty(fault))
})

afterAll(async () => {
  await healthy.close()
  await broken.close()
})

async function run(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; text: string }> {
  let text = ''
  const code = await main(args, env, (line) => (text += `${line}\n`))
  return { code, text }
}

it('prints a line for each method of a server that keeps its contracts', async () => {
  const { code, text } = await run(['--url', healthy.url])
  expect(code).toBe(0)
  expect(text).toMatch(/^ok {4}com\.atproto\.sync\.getRepo \(\d+\)$/m)
  expect(text).toMatch(/^\d+ passed, 0 failed$/m)
})

it('shows the expected and the actual answer, and fails', async () => {
  const { code, text } = await run(['--url', broken.url])
  expect(code).toBe(1)
  expect(text).toMatch(/^FAIL {2}com\.atproto\.server\.describeServer \(\d+ of \d+\)$/m)
  expect(text).toContain(
    'the output breaks the lexicon: Output must have the property "availableUserDomains"',
  )
  expect(text).toMatch(/^\d+ passed, [1-9]\d* failed$/m)
})

it('prints the findings as JSON', async () => {
  const { text } = await run(['--url', healthy.url, '--did', HELD.did, '--json'])
  expect(JSON.parse(text)).toContainEqual({
    method: 'com.atproto.sync.getLatestCommit',
    case: 'a valid request',
    ok: true,
    expected: '200',
    got: '200 application/json',
  })
})

it('writes with a password from the environment', async () => {
  const { identifier, password, admin } = STUB_CREDENTIALS
  const env = { CONTRACT_PASSWORD: password, ADMIN_PASSWORD: admin }
  const { code, text } = await run(
    ['--url', healthy.url, '--write', '--identifier', identifier, '--json'],
    env,
  )
  expect(code).toBe(0)
  expect(text).toContain('creates a record')
})

it('says what it needs', async () => {
  expect(await run([])).toMatchObject({ code: 2, text: expect.stringContaining('--url <origin>') })
  expect(await run(['--url', healthy.url, '--write'])).toMatchObject({
    code: 2,
    text: expect.stringContaining('CONTRACT_PASSWORD'),
  })
})

it('says so if no server answers', async () => {
  const gone = await serve(stub())
  await gone.close()
  const { code, text } = await run(['--url', gone.url])
  expect(code).toBe(1)
  expect(text).toContain('no answer: ')
})
