// Against fake servers: what a person sees of a way back. test/interop/undo.test.ts has real ones.
import { readFile, stat, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/crypto/secret.ts'
import { writeRecoveryKeyFile } from '../../src/cli/files/recoveryKeyFile.ts'
import { undoFileText } from '../../src/mover/undo/undoFile.ts'
import { signOperation } from '../mover/fakes/directory.ts'
import {
  blobBytes,
  createWorld,
  type FakeWorld,
  imagePost,
  post,
  postPath,
} from '../mover/fakes/fakeWorld.ts'
import { fakeKey } from '../mover/fakes/keys.ts'
import { movedWorld } from '../mover/undo/support.ts'
import { folder, member, pds, type Ran, type RunOptions } from './support.ts'

const HOUR_MS = 3600_000

type Folder = Awaited<ReturnType<typeof folder>>

const run = (world: FakeWorld, here: Folder, args: string[], options: RunOptions = {}): Promise<Ran> =>
  pds(args, {
    cwd: here.path,
    fetch: world.network.fetch,
    now: () => world.network.now(),
    ...options,
    env: {
      PLC_DIRECTORY_URL: world.directory.origin,
      PDS_SOURCE_PASSWORD: world.password,
      PDS_TARGET_PASSWORD: 'new password',
      ...options.env,
    },
  })

/** The owner's key of the fake world, in a file. */
const keyFile = async (world: FakeWorld, here: Folder): Promise<string> => {
  const key = await fakeKey('owner 0')
  const did = key.did()
  expect(world.ownerKeys[0]?.did()).toBe(did)
  const privateKey = new Secret(Buffer.from(await key.export()).toString('hex'))
  await writeRecoveryKeyFile(here.in('key.json'), { did, curve: 'k256', privateKey })
  return privateKey.reveal()
}

describe('pds undo-op', () => {
  it('writes the operation into a file that only its owner can read, and says when it is worthless', async () => {
    await using here = await folder()
    const world = await createWorld()
    const secret = await keyFile(world, here)
    const sign = ['undo-op', 'undo.json', '--recovery-key', 'key.json', '--identifier', world.did]
    const signed = await run(world, here, sign)
    expect([signed.code, signed.stderr]).toEqual([0, ''])
    expect(signed.stdout).toContain(
      `undoes the next move if this key signs it: ${world.source.rotationKey.did()}`,
    )
    expect((await stat(here.in('undo.json'))).mode & 0o777).toBe(0o600)
    expect(signed.stdout + signed.stderr + (await readFile(here.in('undo.json'), 'utf8'))).not.toContain(
      secret,
    )
    // Nothing but the directory was asked.
    expect(new Set(world.network.requests.map(({ origin }) => origin))).toEqual(
      new Set([world.directory.origin]),
    )

    const check = () => run(world, here, ['undo-op', 'undo.json', '--check', '--json'])
    expect(await check()).toMatchObject({ code: 0, json: { ok: true, state: 'fresh' } })
    expect((await run(world, here, [...sign, '--json'])).json).toMatchObject({ ok: true, already: true })

    const head = world.directory.data(world.did)
    if (!head) throw new Error('no data')
    const { cid, ...data } = head
    await world.directory.submit(
      world.did,
      await signOperation(world.source.rotationKey, {
        type: 'plc_operation',
        ...data,
        alsoKnownAs: ['at://other.example.com'],
        prev: cid,
      }),
    )
    expect(await check()).toMatchObject({
      code: 3,
      json: { ok: false, state: 'stale', docs: 'docs/troubleshoot.md#bad-undo-op' },
    })
    // Worthless: it may be written over.
    expect((await run(world, here, [...sign, '--json'])).json).toMatchObject({ ok: true, already: false })
    expect(await check()).toMatchObject({ code: 0 })
  })

  it('is not written over while it can undo a move', async () => {
    await using here = await folder()
    const world = await movedWorld()
    await keyFile(world, here)
    const text = undoFileText(world.file)
    await writeFile(here.in('undo.json'), text)
    const again = await run(world, here, [
      'undo-op',
      'undo.json',
      '--recovery-key',
      'key.json',
      '--identifier',
      world.did,
      '--json',
    ])
    expect([again.code, member(again.json, 'error', 'code')]).toEqual([4, 'keys-exist'])
    expect(await readFile(here.in('undo.json'), 'utf8')).toBe(text)
  })

  it.each([
    ['{}', 'it names no DID'],
    ['[', 'it is not JSON'],
    ['{"did":"did:plc:x","operation":{}}', 'is not an undo operation'],
  ])('refuses a file with %s', async (text, why) => {
    await using here = await folder()
    const world = await createWorld()
    await writeFile(here.in('undo.json'), text)
    const refused = await run(world, here, ['undo-op', 'undo.json', '--check'])
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(why)])
  })
})

describe('pds undo', () => {
  it('shows the move, what comes back, and the DID before and after; then it goes step by step', async () => {
    await using here = await folder()
    const world = await movedWorld()
    const image = blobBytes(77)
    world.target.putBlob(world.made, image)
    await world.target.write(world.made, {
      [postPath(700)]: post('written there'),
      [postPath(701)]: imagePost(image),
      [postPath(1)]: undefined,
    })
    await writeFile(here.in('undo.json'), undoFileText(world.file))
    const done = await run(world, here, ['undo', '--undo-op', 'undo.json', '--yes'])
    const names: [string, string][] = [
      [world.did, '<did>'],
      [world.ownerKeys[0]?.did() ?? '', '<recovery key>'],
      [world.source.rotationKey.did(), '<old rotation key>'],
      [world.target.rotationKey.did(), '<new rotation key>'],
      [world.account.signingKey.did(), '<old signing key>'],
      [world.made.signingKey.did(), '<new signing key>'],
      [here.path, '<folder>'],
    ]
    const shown = names.reduce(
      (text, [long, short]) => text.replaceAll(long, short),
      `${done.stderr}\n${done.stdout}`,
    )
    expect(done.code).toBe(0)
    expect(shown).toMatchInlineSnapshot(`
      "Move          <did> moved from https://old.fake-pds.org to https://new.fake-pds.org at 2026-11-01T00:00:01.000Z; it can be undone until 2026-11-04T00:00:01.000Z
      Additions     written to https://new.fake-pds.org since the move: 2 created, 0 changed, 1 not there any more
      Additions     app.bsky.feed.post: 2
      Additions     one blob of them was fetched
      The DID before and after:
        - rotation key 2: <new rotation key> (new.fake-pds.org’s)
          rotation key 1: <recovery key> (your recovery key)
        + rotation key 2: <old rotation key> (old.fake-pds.org’s)
        - PDS https://new.fake-pds.org
        + PDS https://old.fake-pds.org
        - signing key <new signing key>
        + signing key <old signing key>
          name at://alice.old.fake-pds.org
      Identity      the DID names https://old.fake-pds.org again
      Keys          those of the other server are in nullified operations only: they have no power over the DID
      Active        https://old.fake-pds.org
      Deactivated   https://new.fake-pds.org
      Brought back  2 records written to https://old.fake-pds.org
      Revision      https://old.fake-pds.org signed a commit above the revisions that the network has seen
      Verified      https://old.fake-pds.org is active, with all 4 blobs

      The account is on https://old.fake-pds.org again.
      2 records brought back.
      1 record left as they are: app.bsky.feed.post/3ke6kg3wk2322
      Next: look at your account; what was fetched is kept in <folder>/.pds-undo/did-plc-gk64s6qrxy7wc5mwt7lbn6qv, delete it when nothing is missing.
      "
    `)
  })

  it('with --json prints events and the report, each in a line, and no secret', async () => {
    await using here = await folder()
    const world = await movedWorld()
    const secret = await keyFile(world, here)
    const done = await run(world, here, [
      'undo',
      '--recovery-key',
      'key.json',
      '--identifier',
      world.did,
      '--yes',
      '--json',
    ])
    expect(done.code).toBe(0)
    const lines = done.stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
    expect(lines[0]).toMatchObject({ step: 'move' })
    expect(lines.at(-1)).toMatchObject({ ok: true, returned: world.source.origin, standingKeys: [] })
    for (const text of [secret, world.password, 'new password'])
      expect(done.stdout + done.stderr).not.toContain(text)
  })

  it('asks nobody for a password where the move cannot be undone', async () => {
    await using here = await folder()
    const world = await movedWorld()
    await writeFile(here.in('undo.json'), undoFileText(world.file))
    await world.network.wait(73 * HOUR_MS, new AbortController().signal)
    const late = await run(world, here, ['undo', '--undo-op', 'undo.json', '--json'], {
      env: { PDS_SOURCE_PASSWORD: '' },
    })
    expect([late.code, member(late.json, 'error', 'code')]).toEqual([1, 'undo-impossible'])
  })
})
