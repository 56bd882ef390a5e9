import { MoverError } from '../../src/mover/moverError.ts'
import type { MoveReport } from '../../src/mover/moveEvent.ts'
import type { FakeWorld } from '../mover/fakes/fakeWorld.ts'
import type { FakeAccount } from '../mover/fakes/types.ts'

/** What must be true of a move at any time, and what has gone against it. */
export interface Invariants {
  readonly violations: readonly string[]
  violate(what: string): void
  /** After each request. */
  check(): void
  /** The owner has written to the source: that is to arrive, too. */
  wrote(): void
  /** The owner is writing this path to the target, or has deleted that one there: both stay like that. */
  wroteThere(path: string): void
  deletedThere(path: string | undefined): void
  /**
   * Without a journal nobody can tell what was deleted on the target from what never came. What was there before the move
   * comes back only if the owner agrees to that; what came later is taken for late.
   */
  lostJournal(): void
  /** The owner has agreed that these records, which they may have deleted, are written to the target. */
  agreedToBringBack(lines: readonly string[]): void
  /** The owner has agreed that these (blobs or records) stay behind. */
  agreedToLeave(lines: readonly string[]): void
  /** A secret that must never be said or kept. */
  addSecret(secret: string): void
  /** Whatever the mover says must have no secret in it. */
  checkSaid(...said: unknown[]): void
  checkJournal(lines: readonly string[]): void
  checkStop(error: unknown): void
  checkReport(report: MoveReport): void
  checkEnd(end: 'moved' | 'stopped'): void
}

export const createInvariants = (world: FakeWorld, options: { secrets: string[] }): Invariants => {
  const { source, target, account, did, directory, ownerKeys } = world
  const violations: string[] = []
  const secrets = new Set(options.secrets)
  const left = new Set<string>()
  const written = new Set<string>()
  const deleted = new Set<string>()
  const broughtBack = new Set<string>()
  let remembers = true
  /** What the owner has, by path, and the blobs of it that the source has. */
  let records = new Map<string, string>()
  /** Of these, the blobs that the source has. */
  let blobs = new Map<string, readonly string[]>()
  const wrote = () => {
    records = new Map([...account.repo.records].map(([path, { cid }]) => [path, cid.toString()]))
    blobs = new Map(
      [...account.repo.records].map(([path, record]) => [
        path,
        record.blobs.filter((cid) => account.blobs.has(cid)),
      ]),
    )
  }
  wrote()
  const old = new Set(records.keys())
  const violate = (what: string) => {
    if (!violations.includes(what)) violations.push(what)
  }

  /** What an account lacks of what its owner has, apart from what they agreed to leave. */
  const lacks = (held: FakeAccount | undefined): string[] => {
    if (!held) return ['the account']
    const wanted = [...records].filter(([path]) => !left.has(path))
    const missing = wanted.filter(([path, cid]) => held.repo.records.get(path)?.cid.toString() !== cid)
    const gone = wanted.flatMap(([path]) => blobs.get(path) ?? []).filter((cid) => !held.blobs.has(cid))
    return [...missing.map(([path]) => path), ...gone.filter((cid) => !left.has(cid))]
  }

  return {
    violations,
    violate,
    wrote,
    wroteThere: (path) => void written.add(path),
    deletedThere: (path) => void (path !== undefined && deleted.add(path)),
    lostJournal: () => void (remembers = false),
    agreedToBringBack(lines) {
      for (const line of lines) broughtBack.add(line.slice(0, line.indexOf(' ')))
    },
    addSecret: (secret) => void secrets.add(secret),
    agreedToLeave(lines) {
      for (const line of lines) {
        const [, cid] = /(bafkrei\w+)/.exec(line) ?? []
        if (cid !== undefined) left.add(cid)
        const [, late] = /^([\w.]+\/[\w.:~-]+) was /.exec(line) ?? []
        if (late !== undefined) left.add(late)
        const [, path] = /at:\/\/did:[a-z]+:[a-z0-9]+\/([\w.]+\/[\w.~-]+)/.exec(line) ?? []
        if (path !== undefined) left.add(path)
      }
    },
    check() {
      const there = target.accounts.get(did)
      if (!account.active && !there?.active) violate('neither server has the account active')
      const [here, away] = [lacks(account), lacks(there)]
      if (here.length > 0 && away.length > 0)
        violate(`neither server has everything: the source lacks ${here[0]}, the target ${away[0]}`)
      const data = directory.data(did)
      const endpoint = data?.services['atproto_pds']?.endpoint
      if (endpoint !== source.origin && endpoint !== target.origin) violate(`the DID names ${endpoint}`)
      if (endpoint === target.origin && data?.verificationMethods['atproto'] !== there?.signingKey.did())
        violate('the DID names the target, and another key than the target has')
      if (there?.active && endpoint !== target.origin)
        violate('the target is active, and the DID names the source')
      if (!account.active && endpoint !== target.origin)
        violate('the source is inactive, and the DID names it')
      const keys = data?.rotationKeys ?? []
      ownerKeys.forEach((key, i) => {
        if (keys[i] !== key.did()) violate(`the owner’s rotation key ${i + 1} is not where it was`)
      })
    },
    checkSaid(...said) {
      const text = JSON.stringify(said)
      for (const pds of [source, target]) for (const token of pds.sessions.keys()) secrets.add(token)
      for (const secret of secrets)
        if (text.includes(secret)) violate(`it says a secret: ${secret.slice(0, 12)}…`)
    },
    checkJournal(lines) {
      const text = lines.join('\n')
      for (const secret of secrets)
        if (text.includes(secret)) violate(`the journal has a secret: ${secret.slice(0, 12)}…`)
    },
    checkStop(error) {
      if (!(error instanceof MoverError))
        return violate(`a bug: ${error instanceof Error ? error.stack : String(error)}`)
      if (error.next.trim() === '' || error.message.trim() === '')
        violate(`it stops with ${error.code} and nothing to do next`)
    },
    checkReport({ ok, next, missing, activated }) {
      if (next.trim() === '') violate('it ends with nothing to do next')
      if (ok && missing.length > 0) violate('it says ok, and something is missing')
      if (ok && !activated) violate('it says ok, and the account is not active')
    },
    checkEnd(end) {
      const there = target.accounts.get(did)
      for (const path of written)
        if (!there?.repo.records.has(path)) violate(`what was written on the target is gone: ${path}`)
      for (const path of deleted)
        if ((remembers || old.has(path)) && !broughtBack.has(path) && there?.repo.records.has(path))
          violate(`what was deleted on the target is back: ${path}`)
      if (end === 'moved') {
        for (const name of lacks(there))
          violate(`it says that the account has moved, and ${name} is not there`)
        if (!there?.active) violate('it says that the account has moved, and it is not active there')
        if (account.active) violate('it says that the source is deactivated, and it is not')
        return
      }
      // Where it stopped, one side serves all of it.
      const serving = [account, there].filter((held) => held?.active)
      if (serving.every((held) => lacks(held).length > 0))
        violate('it stopped where no active server has everything')
    },
  }
}
