import { connect } from '../src/client/index.ts'
import { activate, createPlcAccount } from '../dev/account.ts'
import { startCirrus } from '../dev/cirrus.ts'
import { seedCirrus, signIn } from '../dev/seed.ts'
import { readIdentity, readRepo, wrongBlobs } from '../test/interop/support/verify.ts'
import { startPlc } from '../test/support/plc.ts'
import type { Cleanup } from './cleanup.ts'
import { createAccount, moveBlobs, movePreferences, moveRepo, rotate } from './move.ts'
import type { Narrator } from './narrator.ts'
import { pds } from './pds.ts'
import { follow } from './relay.ts'
import { startTarget, type TargetKind } from './target.ts'

export interface StoryOptions {
  readonly target: TargetKind
  readonly records: number
  readonly images: number
  readonly cleanup: Cleanup
}

const DEACTIVATED = ['AccountDeactivated', 'RepoDeactivated']

/** An account leaves: the steps, in the order of the guide. */
export const tellStory = async (narrator: Narrator, options: StoryOptions): Promise<void> => {
  const { cleanup } = options
  const handle = 'alice.test'

  const plc = await narrator.step('directory', 'The directory of identities', async (tell) => {
    const started = await startPlc()
    await cleanup.add(started.close)
    tell(`The real PLC directory (@did-plc/server), empty, on ${started.url}`)
    return started
  })

  const { account, cirrus, old } = await narrator.step('source', "Alice's server, a Cirrus", async (tell) => {
    const account = await createPlcAccount({ plcUrl: plc.url, handle })
    const cirrus = await startCirrus(account)
    await cleanup.add(cirrus.close)
    await activate(cirrus)
    tell(`The Worker in workerd, on ${cirrus.url}`)
    tell(`${account.did}, with a recovery key of her own above the server's`)
    const old = follow('old server', cirrus.url)
    await cleanup.add(old.close)
    tell('A relay subscribes to its firehose and hears:')
    await old.tell(tell, 'account', 'identity', 'sync')
    return { account, cirrus, old }
  })
  const { did } = account

  const seeded = await narrator.step('seed', 'Something to lose', async (tell) => {
    const session = await signIn(cirrus.url, cirrus)
    const made = await seedCirrus(cirrus.url, session, { records: options.records, blobs: options.images })
    const collections = new Set([...made.records.keys()].map((path) => path.split('/')[0]))
    tell(
      `${made.records.size} records in ${collections.size} collections, ${made.blobs.length} images, preferences`,
    )
    await old.tell(tell, 'commit')
    return made
  })
  const before = await readRepo(cirrus.url, did)

  const { target, next } = await narrator.step('target', 'Where she moves to', async (tell) => {
    const started = await startTarget(options.target, account)
    await cleanup.add(started.close)
    tell(`${started.about}, on ${started.url}`)
    const next = follow('new server', started.url)
    await cleanup.add(next.close)
    tell('The relay subscribes there too')
    return { target: started, next }
  })

  const token = await narrator.step('token', 'One token, for this one target', async (tell) => {
    tell(`$ pds migrate-token --target ${target.url}`)
    const minted = await pds(cirrus, 'migrate-token', '--target', target.url)
    const { aud, scope, exp, iat } = claims(minted)
    if (exp - iat !== 900) throw new Error(`the token is good for ${exp - iat} s, not 900`)
    tell(`${minted.slice(0, 36)}…${minted.slice(-12)} (${minted.length} characters)`)
    tell(`For ${aud}, for 15 minutes: ${scope}`)
    tell('From here on the mover has this token and the client, no password and no key')
    return minted
  })
  const source = connect(cirrus.url, { token })

  const moved = await narrator.step(
    'account',
    'A new account on the target, still inactive',
    async (tell) => {
      const { password } = target
      const client = await createAccount(source, target.url, {
        did,
        handle,
        email: 'alice@example.com',
        password,
      })
      tell('createAccount took a token of 60 seconds, which the source gave for ours')
      return client
    },
  )
  await narrator.step('repository', 'The repository, streamed across', async (tell) => {
    const size = await moveRepo(source, moved, did)
    tell(
      `${(size / 1024).toFixed(0)} KB of CAR; every block, signature and path verified before it was taken`,
    )
  })
  await narrator.step('blobs', 'The images', async (tell) => {
    const { count, bytes } = await moveBlobs(source, moved, did)
    tell(`${count} blobs, ${(bytes / 1024).toFixed(0)} KB; the target names each by the same hash`)
  })
  await narrator.step('preferences', 'What only she can see', async (tell) => {
    tell(`${await movePreferences(source, moved)} preferences`)
  })

  await narrator.step('rotation', 'The DID changes hands', async (tell) => {
    await rotate(source, moved, token)
    const identity = await readIdentity(plc.url, did)
    if (identity.pds !== target.url) throw new Error(`the directory names ${identity.pds}, not ${target.url}`)
    if (!account.recoveryKeys.every((key, n) => identity.rotationKeys[n] === key))
      throw new Error(`her recovery key is no longer the first of ${identity.rotationKeys.join(', ')}`)
    tell(`The directory now names ${identity.pds} as her server`)
    tell('Her recovery key still stands first: she could undo this for 72 hours')
    await next.tell(tell, 'account', 'identity', 'sync')
  })

  await narrator.step('verification', 'Nothing is missing', async (tell) => {
    const after = await readRepo(target.url, did)
    if (after.data !== before.data) throw new Error(`the tree's root is ${after.data}, it was ${before.data}`)
    if (after.records.size !== seeded.records.size) throw new Error(`${after.records.size} records arrived`)
    const wrong = await wrongBlobs(target.url, did, seeded)
    if (wrong.length > 0) throw new Error(`${wrong.length} blobs are missing or wrong: ${wrong.join(', ')}`)
    const status = await moved.com.atproto.server.checkAccountStatus()
    if (!status.activated || !status.validDid || status.importedBlobs !== seeded.blobs.length)
      throw new Error(`the target says ${JSON.stringify(status)}`)
    tell(`The same tree root on both sides: ${before.data}`)
    tell(
      `${after.records.size} of ${seeded.records.size} records, ${seeded.blobs.length} of ${seeded.blobs.length} images, byte for byte`,
    )
  })

  await narrator.step('deactivation', 'Alice closes the door behind her', async (tell) => {
    tell('$ pds deactivate')
    await pds(cirrus, 'deactivate', '--yes')
    const { active, status } = await connect(cirrus.url).com.atproto.sync.getRepoStatus({ did })
    if (active || status !== 'deactivated') throw new Error(`getRepoStatus says active ${active}, ${status}`)
    tell('The old server says: deactivated. Nothing was deleted there')
    await old.tell(tell, 'account')
  })

  await narrator.step('refusal', 'The old server takes no more writes', async (tell) => {
    const owner = connect(cirrus.url, {
      session: { handle, refreshJwt: '', ...(await signIn(cirrus.url, cirrus)) },
    })
    const record = { $type: 'app.bsky.feed.post', text: 'too late', createdAt: new Date().toISOString() }
    const write = () =>
      owner.com.atproto.repo.createRecord({ repo: did, collection: 'app.bsky.feed.post', record })
    tell(`createRecord, as Alice: ${await refusal(write)}`)
    tell(`getRepo, as anyone: ${await refusal(() => connect(cirrus.url).com.atproto.sync.getRepo({ did }))}`)
    const left = await source.com.atproto.sync.getLatestCommit({ did })
    if (left.cid !== before.commit) throw new Error(`the old server moved on to ${left.cid}`)
    tell('getLatestCommit, with the token: still there, should something have been forgotten')
  })

  await narrator.step('probes', 'And still says who it is', async (tell) => {
    for (const path of [
      '/xrpc/_health',
      '/xrpc/com.atproto.server.describeServer',
      `/xrpc/com.atproto.identity.resolveHandle?handle=${handle}`,
      '/.well-known/atproto-did',
    ]) {
      const answer = await fetch(`${cirrus.url}${path}`)
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
      await answer.body?.cancel()
    }
    tell('describeServer, resolveHandle, _health and .well-known/atproto-did answer')
  })

  await narrator.step('life', 'Life goes on', async (tell) => {
    const record = {
      $type: 'app.bsky.feed.post',
      text: 'Hello from my new home',
      createdAt: new Date().toISOString(),
    }
    await moved.com.atproto.repo.createRecord({ repo: did, collection: 'app.bsky.feed.post', record })
    const { signingKey = '' } = await readIdentity(plc.url, did)
    const now = await readRepo(target.url, did, { signingKey })
    if (now.rev <= before.rev) throw new Error(`the new revision ${now.rev} is not above ${before.rev}`)
    tell(
      `Her first post on the new server, signed with the new key; revision ${before.rev} became ${now.rev}`,
    )
    await next.tell(tell, 'commit')
  })
}

/** The name of the error that the call must end with. */
const refusal = async (call: () => Promise<unknown>): Promise<string> => {
  try {
    await call()
  } catch (cause) {
    const name = cause instanceof Error && 'error' in cause ? String(cause.error) : ''
    if (DEACTIVATED.includes(name)) return `refused, ${name}`
    throw cause
  }
  throw new Error('it was not refused')
}

interface Claims {
  readonly aud: string
  readonly scope: string
  readonly exp: number
  readonly iat: number
}

const claims = (token: string): Claims =>
  // The form is that of our own tokens; the target verifies the token, this only shows it.
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as Claims
