// The old server is gone: its backup and the keys in it are all that there is, and the account goes to the reference PDS.
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { folder, member, pds } from '../cli/support.ts'
import { startScene, startStage, type Scene, type Stage } from './support/cirrus.ts'
import { readIdentity, readRepo, wrongBlobs } from './support/verify.ts'

const PASSPHRASE = 'four words that nobody knows'
const NEW_PASSWORD = 'a new password'

describe('an account whose server is gone', () => {
  let stage: Stage
  let scene: Scene
  let here: Awaited<ReturnType<typeof folder>>
  beforeAll(async () => {
    stage = await startStage()
    scene = await startScene(stage, { records: 120, blobs: 8 })
    const { cirrus, did } = scene
    here = await folder()
    await writeFile(here.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${stage.plc.url}"\n`)
    const keys = {
      did,
      handle: cirrus.handle,
      hostname: cirrus.url,
      signingKey: (await readIdentity(stage.plc.url, did)).signingKey,
      secrets: {
        SIGNING_KEY: cirrus.signingKey,
        ADMIN_PASSWORD: cirrus.adminPassword,
        // Not needed to leave: they open sessions on the server that is gone.
        PASSWORD_HASH: 'not needed here',
        SESSION_SECRET: 'not needed here',
      },
    }
    await writeFile(here.in(`cirrus-keys-${cirrus.handle}.json`), JSON.stringify(keys), { mode: 0o600 })
    const ran = await pds(['backup', 'backup', '--host', cirrus.url, '--json'], {
      cwd: here.path,
      env: {
        ADMIN_PASSWORD: cirrus.adminPassword,
        ADMIN_PASSWORD_HOST: cirrus.url,
        PDS_BACKUP_PASSPHRASE: PASSPHRASE,
      },
    })
    expect(ran.code, ran.stdout + ran.stderr).toBe(0)
    await cirrus.close()
  })
  afterAll(async () => {
    await here?.[Symbol.asyncDispose]()
    await stage?.[Symbol.asyncDispose]()
  })

  it('is whole on the reference PDS, and the DID names it, signed with the key of the backup', async () => {
    const { did, before, seeded } = scene
    const { reference, plc } = stage
    const ran = await pds(
      [
        'move',
        '--from-backup',
        'backup',
        '--to',
        reference.url,
        '--email',
        'a@example.com',
        '--yes',
        '--json',
      ],
      {
        cwd: here.path,
        env: {
          PDS_BACKUP_PASSPHRASE: PASSPHRASE,
          PDS_TARGET_PASSWORD: NEW_PASSWORD,
        },
      },
    )
    expect(ran.code, ran.stdout + ran.stderr).toBe(0)
    const report: unknown = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '')
    expect(member(report, 'report')).toMatchObject({ ok: true, activated: true, missing: [] })
    const identity = await readIdentity(plc.url, did)
    expect(identity.pds).toBe(reference.url)
    const after = await readRepo(reference.url, did)
    expect(after.data).toBe(before.data)
    expect(await wrongBlobs(reference.url, did, seeded)).toEqual([])
  })
})
