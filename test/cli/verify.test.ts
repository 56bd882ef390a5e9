import { readFile, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { movedWorld, type MovedWorld } from '../mover/proof/movedWorld.ts'
import { folder, pds } from './support.ts'

let root: Awaited<ReturnType<typeof folder>>
let moved: MovedWorld
beforeEach(async () => {
  root = await folder()
  moved = await movedWorld()
  await writeFile(
    root.in('wrangler.toml'),
    `name = "x"\n[vars]\nPLC_DIRECTORY_URL = "${moved.world.directory.origin}"\nRELAYS = ""\n`,
  )
})
afterEach(() => root[Symbol.asyncDispose]())

const verify = (...args: string[]) =>
  pds(['verify', ...args], {
    cwd: root.path,
    fetch: moved.world.network.fetch,
    now: () => moved.world.network.now(),
  })
const toNew = ['--to', 'https://new.fake-pds.org', '--identifier', 'alice.old.fake-pds.org']

it('shows what it found, and writes a statement that can be checked without a network', async () => {
  const ran = await verify(...toNew)
  expect(ran.code).toBe(0)
  expect(
    ran.stdout.replaceAll(root.path, '<folder>').replaceAll(/did:(plc|key):\w+|bafy\w+|rev\w+ \w{13}/g, '…'),
  ).toMatchInlineSnapshot(`
    "✓ directory   the head … names https://new.fake-pds.org, and the key …
    ✓ repository  …, signed with the key that the DID names
    ! source      the source was not read: nothing was compared with it
                  Next: compare while the old server still answers its owner: \`pds move\` does so before it deactivates the account there
    ✓ blobs       all 3 blobs that records refer to are there
    ✓ handle      alice.old.fake-pds.org resolves to …
    Nothing failed; read the lines with !. 12 records on the target. 3 of 3 blobs there, 3 hashed
    The statement is in <folder>/move-statement.json.
    "
  `)
  const checked = await pds(['verify', '--statement', 'move-statement.json'], {
    cwd: root.path,
    fetch: () => Promise.reject(new Error('the network was asked')),
  })
  expect(checked.code).toBe(0)
  expect(checked.stdout.replaceAll(/did:(plc|key):\w+|bafy\w+|rev\w+ \w{13}|\d{4}-\S+Z/g, '…'))
    .toMatchInlineSnapshot(`
    "…
    an unknown server → https://new.fake-pds.org, found …
    ✓ log        2 operations, verified from the genesis; head …
    ✓ head       the DID names https://new.fake-pds.org
    ✓ target     …, signed by …
    ! records    the source could not be read: nothing was compared
                 Next: see \`checks\`
    ! signature  the source has not signed this statement: only a Cirrus does
                 Next: what the commits and the log show does not depend on it; the counts of blobs are what the person who ran \`pds verify\` says
    ✓ verdict    complete: 3 of 3 blobs there, 3 hashed
    "
  `)
})

it('exits with 3 for what is missing, and says so in the statement', async () => {
  const [cid = ''] = moved.made.blobs.keys()
  moved.made.blobs.delete(cid)
  const ran = await verify(...toNew, '--json', '--out', 'proof.json')
  expect(ran.code).toBe(3)
  expect(ran.json).toMatchObject({ ok: false, complete: false, signed: false, blobs: { missing: [cid] } })
  const checked = await verify('--statement', 'proof.json', '--json')
  expect(checked).toMatchObject({
    code: 3,
    json: { ok: false, docs: 'docs/troubleshoot.md#statement-refused' },
  })
})

it('refuses a statement that was edited', async () => {
  await verify(...toNew)
  const file = root.in('move-statement.json')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replaceAll('new.fake-pds.org', 'old.fake-pds.org'))
  expect((await verify('--statement', file)).code).toBe(3)
  await writeFile(file, text.slice(0, -20))
  expect(await verify('--statement', file, '--json')).toMatchObject({
    code: 1,
    json: { error: { code: 'bad-statement' } },
  })
})

it('says which arguments are missing or do not go together', async () => {
  for (const args of [[], ['--to', 'https://a.example', '--statement', 'x']])
    expect((await verify(...args)).stderr).toContain('either --to or --statement')
  expect(
    (
      await verify(
        '--to',
        'https://new.fake-pds.org',
        '--identifier',
        'alice.old.fake-pds.org',
        '--sample',
        'x',
      )
    ).code,
  ).toBe(2)
})
