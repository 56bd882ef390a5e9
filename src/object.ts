import { DurableObject } from 'cloudflare:workers'
import { notConfigured, readConfig, type Env } from './config.ts'
import { withNonce } from './dpopNonce.ts'
import { createRouter } from './generated/server.ts'
import { accountHandlers } from './handlers/index.ts'
import { INTERNAL_PATHS } from './internalPaths.ts'
import type { OwnIdentity } from './identity/ownIdentity.ts'
import { BODY_TIMES, LIMITS } from './limits.ts'
import { logBug } from './log.ts'
import { answerOAuth } from './oauth/answerOAuth.ts'
import { createPlatform } from './platform.ts'
import type { ViewPlan, ViewRequest, ViewsRpc } from './viewPlan.ts'
import { createPages, type Pages } from './pages/createPages.ts'
import { isPagePath } from './pages/isPagePath.ts'
import { assertValidOutput } from './xrpc/assertValidOutput.ts'
import { encodeError } from './xrpc/output.ts'
import { createRuntime } from './xrpc/runtime.ts'
import type { Account } from './account/account.ts'
import { createAccount } from './account/createAccount.ts'
import type { Credential } from './account/auth/credential.ts'

declare const __DEV__: boolean

const newId = (): string => crypto.randomUUID()

const xrpc = createRouter(
  accountHandlers,
  createRuntime<{ account: Account }, Credential>({
    authorize: (id, request, { account }) => account.authorize(id, request),
    timer: ({ account }) => account.platform.timer,
    upgrade: ({ account }) => account.upgrade(),
    limits: LIMITS,
    times: BODY_TIMES,
    checkOutput: __DEV__ ? assertValidOutput : undefined,
    newId,
    report: logBug,
  }),
)

/** Answers a question of the Worker's own, at a path that it forwards for nobody. */
const answerInternal = async (account: Account, request: Request): Promise<Response | undefined> => {
  if (new URL(request.url).pathname !== INTERNAL_PATHS.authorizeProxy) return undefined
  try {
    return Response.json(await account.authorizeProxy(request))
  } catch (cause) {
    return encodeError(cause, newId, logBug)
  }
}

/** For what the Worker does without where it fails: the cause would be lost otherwise. */
const logged = <T>(work: () => T): T => {
  try {
    return work()
  } catch (cause) {
    logBug(newId(), cause)
    throw cause
  }
}

/** The account's Durable Object: wiring only. */
export class AccountObject extends DurableObject<Env> implements ViewsRpc {
  #account: Account | undefined
  #pages: Pages | undefined
  #failure: unknown

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    void ctx.blockConcurrencyWhile(async () => {
      // A throw here would reset the object at every request, and the client would not learn why.
      try {
        this.#account = await createAccount(ctx, readConfig(env), createPlatform(env))
        this.#pages = createPages({ account: this.#account, newId, report: logBug })
      } catch (cause) {
        this.#failure = cause
      }
    })
  }

  /** The account. Tests use it too, to look inside. */
  get account(): Account {
    if (!this.#account) throw this.#failure
    return this.#account
  }

  override async fetch(request: Request): Promise<Response> {
    if (!this.#account) return encodeError(notConfigured(this.#failure), newId, logBug)
    if (this.#pages && isPagePath(new URL(request.url).pathname)) return this.#pages.fetch(request)
    const account = this.#account
    const answer =
      (await answerInternal(account, request)) ??
      (await answerOAuth(account, request, { newId, report: logBug })) ??
      (await xrpc.fetch(request, { account }))
    return withNonce(answer, request.headers.has('dpop') ? account.oauth.dpop.nonce() : undefined)
  }

  /** Called by the Worker, for what it answers itself. */
  async ownIdentity(): Promise<OwnIdentity> {
    return this.account.ownIdentity()
  }

  async planView(request: ViewRequest): Promise<ViewPlan> {
    return logged(() => this.account.views.plan(request))
  }

  async mergeView(
    ...[request, answer, queryAnswers]: Parameters<ViewsRpc['mergeView']>
  ): Promise<Uint8Array | undefined> {
    return logged(() => this.account.views.merge(request, answer, queryAnswers))
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    this.account.firehose.noteMessage(
      socket,
      typeof message === 'string' ? message.length : message.byteLength,
    )
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    this.account.firehose.noteClosed(socket)
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.account.firehose.noteClosed(socket)
  }

  override async alarm(): Promise<void> {
    await this.account.maintenance.run()
  }
}
