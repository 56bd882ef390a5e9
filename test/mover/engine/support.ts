import { moveAccount } from '../../../src/mover/moveAccount.ts'
import { passwordSource } from '../../../src/mover/peers/passwordSource.ts'
import { standardTarget } from '../../../src/mover/peers/standardTarget.ts'
import type { MoveEvent, MoveReport } from '../../../src/mover/moveEvent.ts'
import type { MoveOptions } from '../../../src/mover/moveRequest.ts'
import type { MoverDeps } from '../../../src/mover/moverDeps.ts'
import type { Owner, QuestionName, Questions } from '../../../src/mover/owner.ts'
import type { FakeWorld } from '../fakes/fakeWorld.ts'
import { type MemoryStore, memoryStore } from '../fakes/memoryStore.ts'

export const NEW_PASSWORD = 'the new password'
export const NEW_HANDLE = 'alice.new.fake-pds.org'

type Answers = {
  [Name in QuestionName]?: (
    asks: Questions[Name]['asks'],
  ) => Questions[Name]['answer'] | Promise<Questions[Name]['answer']>
}

/** An owner who answers everything, in a world of fakes. What was asked is kept. */
export const obliging = (world: FakeWorld, answers: Answers = {}) => {
  const asked: { name: QuestionName; asks: Record<string, unknown> }[] = []
  const usual: Answers = {
    sourcePassword: () => world.password,
    newPassword: () => NEW_PASSWORD,
    targetPassword: () => NEW_PASSWORD,
    email: () => 'alice@mail.example',
    handle: () => NEW_HANDLE,
    rotationKey: ({ key }) => (world.ownerKeys.some((each) => each.did() === key) ? 'mine' : 'notMine'),
    confirm: () => true,
    async plcCode({ send, sentAt }) {
      if (sentAt === undefined) await send()
      return world.account.plcCode ?? 'none'
    },
    signInCode: () => world.account.factorCode ?? 'none',
  }
  const owner: Owner = {
    async answer(name, asks) {
      asked.push({ name, asks: asks as Record<string, unknown> })
      const answer = answers[name] ?? usual[name]
      if (!answer) throw new Error(`nobody answers ${name}`)
      return await answer(asks)
    },
  }
  return { owner, asked }
}

export const depsOf = (world: FakeWorld, signal = new AbortController().signal): MoverDeps => ({
  fetch: world.network.fetch,
  now: () => world.network.now(),
  random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  signal,
  wait: (ms, signal) => world.network.wait(ms, signal),
  directoryUrl: world.directory.origin,
  dev: false,
})

export interface RunOptions {
  answers?: Answers
  store?: MemoryStore
  options?: MoveOptions
  deps?: MoverDeps
  account?: string
  from?: string | undefined
}

export interface Ran {
  report: MoveReport
  events: MoveEvent[]
  asked: ReturnType<typeof obliging>['asked']
  store: MemoryStore
}

/** Moves the world's account with its password. */
export const runMove = async (world: FakeWorld, options: RunOptions = {}): Promise<Ran> => {
  const { store = memoryStore(), deps = depsOf(world), account = world.handle } = options
  const { owner, asked } = obliging(world, options.answers)
  const events: MoveEvent[] = []
  const origin = 'from' in options ? options.from : world.source.origin
  const report = await moveAccount({
    account,
    source: passwordSource({ origin, identifier: account, owner, deps }),
    target: standardTarget({ origin: world.target.origin, owner, deps }),
    owner,
    store,
    deps,
    ...(options.options ? { options: options.options } : {}),
    on: (event) => events.push(event),
  })
  return { report, events, asked, store }
}

/** The steps that ended, in their order. */
export const stepsOf = (events: readonly MoveEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === 'step' && event.state !== 'begun' ? [`${event.step} ${event.state}`] : [],
  )
