import { MoverError } from '../../src/mover/moverError.ts'
import type { Confirmation, Owner, Questions } from '../../src/mover/owner.ts'
import type { Random } from '../fuzz/random.ts'
import type { FakeWorld } from '../mover/fakes/fakeWorld.ts'
import type { Invariants } from './invariants.ts'

const NEW_PASSWORD = 'new-password-canary'
const INVITE = 'invite-1234'

export interface OwnerOptions {
  random: Random
  /** `moody`: now and then they mistype, say no, or are not there. */
  mood: 'calm' | 'moody'
  invariants: Invariants
}

/** A person at the terminal. */
export const createOwner = (world: FakeWorld, { random, mood, invariants }: OwnerOptions): Owner => {
  const slips = (probability: number): boolean => mood === 'moody' && random.chance(probability)
  const secret = (value: string): string => {
    invariants.addSecret(value)
    return value
  }
  const confirm = ({ topic, lines, insists }: Confirmation): boolean => {
    // Differences from what was agreed on are never what this person wants.
    if (topic === 'differences') return false
    const agreed = !slips(0.1)
    if (agreed && (topic === 'missing' || topic === 'deleteRecords')) invariants.agreedToLeave(lines)
    if (!agreed && topic === 'lateRecords') invariants.agreedToLeave(lines)
    if (agreed && topic === 'lateRecords' && insists) invariants.agreedToBringBack(lines)
    return agreed
  }
  const answers: { [Name in keyof Questions]: (asks: Questions[Name]['asks']) => unknown } = {
    sourcePassword: () => (slips(0.05) ? 'mistyped' : world.password),
    signInCode: () => (slips(0.1) ? 'mistyped' : secret(world.account.factorCode ?? 'none')),
    migrationToken: () => 'none',
    async plcCode({ send, sentAt }) {
      if (sentAt === undefined || world.account.plcCode === undefined) await send()
      return slips(0.1) ? 'mistyped' : secret(world.account.plcCode ?? 'none')
    },
    inviteCode: () => (slips(0.1) ? 'mistyped' : secret(INVITE)),
    email: () => 'alice@mail.example',
    newPassword: () => secret(world.target.accounts.get(world.did)?.password ?? NEW_PASSWORD),
    targetPassword: () =>
      slips(0.05) ? 'mistyped' : secret(world.target.accounts.get(world.did)?.password ?? NEW_PASSWORD),
    handle: () => 'alice.new.fake-pds.org',
    rotationKey: ({ key }) =>
      slips(0.1) ? 'unsure' : world.ownerKeys.some((each) => each.did() === key) ? 'mine' : 'notMine',
    confirm,
  }
  return {
    async answer(name, asks) {
      if (slips(0.02)) throw new MoverError('not-confirmed', `nobody answered ${name}`)
      return (await answers[name](asks as never)) as never
    },
  }
}
