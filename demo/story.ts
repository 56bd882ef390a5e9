import { type Client, connect } from '../src/client/index.ts'
import { activate, createPlcAccount } from '../dev/account.ts'
import { startCirrus } from '../dev/cirrus.ts'
import { seedCirrus, signIn } from '../dev/seed.ts'
import { readIdentity, readRepo, wrongBlobs } from '../test/interop/support/verify.ts'
import { startPlc } from '../test/support/plc.ts'
import type { Cleanup } from './cleanup.ts'
import type { Narrator } from './narrator.ts'
import { createOwner } from './owner.ts'
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

  const owner = await narrator.step('recovery-key', 'A key that no server has', async (tell) => {
    const made = await createOwner({
      plcUrl: plc.url,
      cirrus,
      target,
      recoveryKeys: account.recoveryKeys,
      cleanup,
    })
    const { run, recoveryKey } = made
    tell(`$ pds recovery-key create ${recoveryKey}`)
    await run('recovery-key', 'create', recoveryKey)
    await made.noteRecoveryKey()
    tell(`$ pds recovery-key add ${recoveryKey}`)
    await run('recovery-key', 'add', recoveryKey, '--yes')
    const [first] = (await readIdentity(plc.url, did)).rotationKeys
    if (first === undefined || first === account.recoveryKeys[0])
      throw new Error('the DID has no new first key')
    tell(`${first} stands above every key of a server now`)
    return made
  })
  const { run, undoFile } = owner

  await narrator.step('preflight', 'Will it work?', async (tell) => {
    tell(`$ pds preflight --to ${target.url}`)
    const { stdout } = await run('preflight', '--to', target.url)
    for (const line of stdout.split('\n').filter((text) => /^[✓!✗]/.test(text))) tell(line)
  })
  await narrator.step('way-back', 'The way back, signed beforehand', async (tell) => {
    tell('$ pds undo-op undo.json --recovery-key …')
    await run('undo-op', undoFile, '--recovery-key', owner.recoveryKey, '--yes')
    tell('With this file she can undo the move for 72 hours, whatever both servers say')
  })

  await narrator.step('preview', 'A rehearsal, and what the DID will be', async (tell) => {
    tell(`$ pds move --to ${target.url} --rehearse`)
    const { stderr } = await run('move', '--to', target.url, '--rehearse', ...owner.moveFlags, '--yes')
    for (const line of stderr.split('\n').filter((text) => /^([✓!] | {4})/.test(text))) tell(line.trimEnd())
    const { pds: named } = await readIdentity(plc.url, did)
    if (named !== cirrus.url) throw new Error(`a rehearsal changed the DID: it names ${named}`)
    tell('Everything is there already, inactive; the directory knows nothing of it')
  })
  await narrator.step('move', 'The move', async (tell) => {
    tell(`$ pds move --to ${target.url}`)
    const { stderr } = await run('move', '--to', target.url, ...owner.moveFlags, '--yes')
    for (const line of stderr.split('\n').filter((text) => text.startsWith('✓'))) tell(line)
    const { pds: named } = await readIdentity(plc.url, did)
    if (named !== target.url) throw new Error(`the directory names ${named}, not ${target.url}`)
    await next.tell(tell, 'account', 'identity', 'sync')
    await old.tell(tell, 'account')
  })

  await narrator.step('verification', 'Nothing is missing', async (tell) => {
    tell(`$ pds verify --to ${target.url} --all-blobs`)
    const { stdout } = await run('verify', '--to', target.url, '--all-blobs')
    for (const line of stdout.split('\n').filter((text) => /^[✓!✗]/.test(text))) tell(line)
    const after = await readRepo(target.url, did)
    if (after.data !== before.data) throw new Error(`the tree's root is ${after.data}, it was ${before.data}`)
    if (after.records.size !== seeded.records.size) throw new Error(`${after.records.size} records arrived`)
    const wrong = await wrongBlobs(target.url, did, seeded)
    if (wrong.length > 0) throw new Error(`${wrong.length} blobs are missing or wrong: ${wrong.join(', ')}`)
    tell('$ pds verify --statement move-statement.json')
    await run('verify', '--statement', 'move-statement.json')
    tell('The statement, signed by the old server, holds without asking anyone')
  })

  await narrator.step(
    'refusal',
    'The old server takes no more writes, and still says who it is',
    async (tell) => {
      const session = { handle, refreshJwt: '', ...(await signIn(cirrus.url, cirrus)) }
      const write = () => post(connect(cirrus.url, { session }), did, 'too late')
      tell(`createRecord, as Alice: ${await refusal(write)}`)
      tell(
        `getRepo, as anyone: ${await refusal(() => connect(cirrus.url).com.atproto.sync.getRepo({ did }))}`,
      )
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
    },
  )

  await narrator.step('life', 'Life goes on', async (tell) => {
    const moved = await connect(target.url).login({ identifier: did, password: target.password })
    await post(moved, did, 'Hello from my new home')
    const { signingKey = '' } = await readIdentity(plc.url, did)
    const now = await readRepo(target.url, did, { signingKey })
    if (now.rev <= before.rev) throw new Error(`the new revision ${now.rev} is not above ${before.rev}`)
    tell(
      `Her first post on the new server, signed with the new key; revision ${before.rev} became ${now.rev}`,
    )
    await next.tell(tell, 'commit')
  })

  await narrator.step('undo', 'She changes her mind', async (tell) => {
    tell('$ pds undo --undo-op undo.json')
    const { stdout, stderr } = await run('undo', '--undo-op', undoFile, '--yes')
    for (const line of `${stderr}\n${stdout}`.split('\n')) if (line.trim() !== '') tell(line.trimEnd())
    const identity = await readIdentity(plc.url, did)
    if (identity.pds !== cirrus.url) throw new Error(`the directory names ${identity.pds}, not ${cirrus.url}`)
    const home = await readRepo(cirrus.url, did, { signingKey: identity.signingKey ?? '' })
    if (home.records.size !== seeded.records.size + 1)
      throw new Error(`${home.records.size} records are at home, ${seeded.records.size + 1} should be`)
    tell(`Home again, and the post from there came along: ${home.records.size} records`)
    tell('To the network the new server’s key stands in a nullified operation only')
  })
}

const post = (client: Client, did: string, text: string) => {
  const record = { $type: 'app.bsky.feed.post', text, createdAt: new Date().toISOString() }
  return client.com.atproto.repo.createRecord({ repo: did, collection: 'app.bsky.feed.post', record })
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
