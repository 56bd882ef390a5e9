// The child process in which one reference PDS runs. reference.ts starts it and speaks with it over IPC.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'

import { divertedFetch } from '../oauth/support/divertedFetch.ts'
import { shiftClock } from '../oauth/support/shiftClock.ts'
import type { Answer } from './child.ts'
import type { Boot, Mail, Question } from './reference-protocol.ts'

/** The parts of @atproto/pds used here, declared by hand: the main package's type check runs without it installed. */
interface ReferencePds {
  readonly ctx: {
    readonly idResolver: { readonly handle: { resolve(handle: string): Promise<string | undefined> } }
    readonly mailer: { sendTemplate(name: string, params: unknown, mail: unknown): Promise<unknown> }
    readonly accountManager: {
      createEmailToken(did: string, purpose: string): Promise<string>
      getAccount(handle: string, options: { includeDeactivated: boolean }): Promise<{ did: string } | null>
    }
  }
  readonly app: { listen(port: number, host: string): Server }
  start(): Promise<unknown>
  destroy(): Promise<void>
}
interface ReferenceModule {
  readonly PDS: { create(config: unknown, secrets: unknown): Promise<ReferencePds> }
  envToCfg(env: Record<string, unknown>): unknown
  envToSecrets(env: Record<string, unknown>): unknown
}

const send = (answer: Answer) => process.send?.(answer)

/** Takes a port and keeps it, so that nothing else gets it while the PDS is being built. */
async function holdPort(port: number) {
  const holder = createServer().listen(port, '127.0.0.1')
  await once(holder, 'listening')
  return {
    // A server that listens on TCP has an AddressInfo; only a pipe has a string.
    port: (holder.address() as AddressInfo).port,
    release: () => new Promise<void>((resolve) => holder.close(() => resolve())),
  }
}

/** The same after a restart. */
const secrets = {
  jwtSecret: randomBytes(32).toString('hex'),
  plcRotationKeyK256PrivateKeyHex: randomBytes(32).toString('hex'),
}

async function boot({ plcUrl, directory, port: wanted, env, hosts }: Boot) {
  // It looks `fetch` up for each request.
  if (hosts) globalThis.fetch = divertedFetch(hosts)
  // A specifier that TypeScript cannot follow: the package is in this folder's own node_modules, or not installed.
  const specifier: string = '@atproto/pds'
  const { PDS, envToCfg, envToSecrets } = (await import(specifier)) as ReferenceModule

  const held = await holdPort(wanted ?? 0)
  const { port } = held
  const did = `did:web:localhost%3A${port}`
  const config = {
    port,
    hostname: 'localhost',
    // Distinct for each server: with the default, did:web:localhost, a token with a wrong `aud` would pass.
    serviceDid: did,
    devMode: true,
    disableSsrfProtection: true,
    dataDirectory: directory,
    blobstoreDiskLocation: join(directory, 'blobs'),
    blobstoreDiskTmpLocation: join(directory, 'blobs-tmp'),
    didPlcUrl: plcUrl,
    serviceHandleDomains: ['.test'],
    inviteRequired: false,
    rateLimitsEnabled: false,
    // Unset, importRepo takes no more than a blob may weigh.
    maxImportSize: 512 * 1024 * 1024,
    blobUploadLimit: 16 * 1024 * 1024,
    // Nothing listens there. Without an AppView getPreferences and putPreferences do not exist.
    bskyAppViewUrl: 'http://localhost:1',
    bskyAppViewDid: 'did:web:appview.test',
    crawlers: [],
    ...secrets,
    adminPassword: 'admin',
    ...env,
  }
  const pds = await PDS.create(envToCfg(config), envToSecrets(config))
  const { ctx, app } = pds

  const handles = new Map<string, string>()
  const overDns = ctx.idResolver.handle.resolve.bind(ctx.idResolver.handle)
  ctx.idResolver.handle.resolve = async (handle) => {
    const set = handles.get(handle)
    if (set !== undefined) return set === '' ? undefined : set
    if (!handle.endsWith('.test')) return overDns(handle)
    return (await ctx.accountManager.getAccount(handle, { includeDeactivated: true }))?.did
  }

  // What it would send by e-mail. The token of a PLC operation is caught where it is made, for there the DID is known.
  const tokens = new Map<string, string>()
  const createEmailToken = ctx.accountManager.createEmailToken.bind(ctx.accountManager)
  ctx.accountManager.createEmailToken = async (did, purpose) => {
    const token = await createEmailToken(did, purpose)
    if (purpose === 'plc_operation') tokens.set(did, token)
    return token
  }
  const mails: Mail[] = []
  ctx.mailer.sendTemplate = async (template, params, mail) => {
    mails.push({ template, to: String(Object(mail).to), token: String(Object(params).token) })
  }

  // Wrapped, not replaced: xrpc-server hooks the WebSocket upgrade into `listen`.
  const listen = app.listen.bind(app)
  app.listen = (port) => listen(port, '127.0.0.1')
  await held.release()
  await pds.start()
  return { pds, tokens, mails, handles, port, did, url: `http://localhost:${port}` }
}

let running: Awaited<ReturnType<typeof boot>> | undefined
let booted: Boot | undefined

async function answer(question: Question): Promise<Omit<Answer, 'id'>> {
  if (question.ask === 'boot') {
    running = await boot(question)
    const { url, did, port } = running
    booted = { ...question, port }
    return { value: { url, did, port } }
  }
  if (question.ask === 'plcToken') return { value: running?.tokens.get(question.did) ?? null }
  if (question.ask === 'mails') return { value: running?.mails ?? [] }
  if (question.ask === 'setHandle') {
    running?.handles.set(question.handle, question.did)
    return { value: null }
  }
  if (question.ask === 'shiftClock') {
    shiftClock(question.ms)
    return { value: null }
  }
  if (question.ask === 'memory') {
    const { rss, heapUsed, external } = process.memoryUsage()
    return { value: { rss, heapUsed, external, peakRss: process.resourceUsage().maxRSS * 1024 } }
  }
  await running?.pds.destroy()
  if (question.ask === 'restart' && booted) running = await boot(booted)
  return { value: null }
}

process.on('message', (question: Question) => {
  answer(question).then(
    (result) => send({ id: question.id, ...result }),
    (cause: unknown) =>
      send({
        id: question.id,
        failed: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
      }),
  )
})
// Never outlive the tests.
process.on('disconnect', () => process.exit(0))
