import { signOperation } from '../directory.ts'
import { fakeKey } from '../keys.ts'
import type { Fault } from './fault.ts'

/** What else happens in a move. */
export const MOVE_FAULTS: readonly Fault[] = [
  {
    name: 'the target needs an invite code',
    side: 'target',
    options: { target: { inviteCode: 'invite-1234' } },
  },
  { name: 'the source mails a code at sign-in', side: 'source', options: { source: { authFactor: true } } },
  {
    name: 'the target has the account already',
    side: 'target',
    apply: async (world) => {
      const there = await world.createAtTarget()
      there.password = 'the new password'
      there.handle = 'alice.new.fake-pds.org'
    },
  },
  {
    name: 'the account is not the source’s first server: another key signed its commit',
    side: 'source',
    apply: async (world) => {
      const data = world.directory.data(world.did)
      if (!data) return
      const { cid, ...rest } = data
      // The DID names a newer key than the one that signed the commit.
      const next = await fakeKey('a newer signing key')
      world.account.signingKey = next
      const verificationMethods = { ...rest.verificationMethods, atproto: next.did() }
      const operation = { type: 'plc_operation' as const, ...rest, verificationMethods, prev: cid }
      await world.directory.submit(world.did, await signOperation(world.source.rotationKey, operation))
    },
  },
  {
    name: 'the DID has a labeler and more names',
    side: 'directory',
    apply: async (world) => {
      const data = world.directory.data(world.did)
      if (!data) return
      const { cid, ...rest } = data
      const labeler = (await fakeKey('labeler')).did()
      const operation = {
        type: 'plc_operation' as const,
        ...rest,
        alsoKnownAs: [...rest.alsoKnownAs, 'at://alice.fake-pds.net'],
        verificationMethods: { ...rest.verificationMethods, atproto_label: labeler },
        services: {
          ...rest.services,
          atproto_labeler: { type: 'AtprotoLabeler', endpoint: 'https://label.fake-pds.net' },
        },
        prev: cid,
      }
      await world.directory.submit(world.did, await signOperation(world.source.rotationKey, operation))
    },
  },
]
