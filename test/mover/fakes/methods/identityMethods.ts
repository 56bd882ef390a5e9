import type { Operation, UnsignedOperation } from '../../../../src/plc/types.ts'
import { signOperation } from '../directory.ts'
import { type FakeMethod, Refused } from '../types.ts'
import { json } from '../network.ts'
import { needsAccount } from './needs.ts'
import { mailedCode } from './serverMethods.ts'

export const identityMethods: Record<string, FakeMethod> = {
  'com.atproto.identity.resolveHandle': (call) => {
    const account = call.pds.find(call.params.get('handle'))
    if (!account) throw new Refused(400, 'HandleNotFound', 'Unable to resolve handle')
    return json({ did: account.did })
  },

  'com.atproto.identity.getRecommendedDidCredentials': (call) => {
    const account = needsAccount(call)
    const { rotationKey, origin, options } = call.pds
    return json({
      alsoKnownAs: [`at://${account.handle}`],
      verificationMethods: { atproto: account.signingKey.did() },
      rotationKeys: [...(options.recoveryKey ? [options.recoveryKey] : []), rotationKey.did()],
      services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: origin } },
    })
  },

  'com.atproto.identity.requestPlcOperationSignature': (call) => {
    const account = needsAccount(call, { full: true })
    account.plcCode = mailedCode(`${account.did} ${call.pds.calls.get(call.method)}`)
    return new Response(null, { status: 200 })
  },

  'com.atproto.identity.signPlcOperation': async (call) => {
    const account = needsAccount(call, { full: true })
    const { token, ...asked } = call.input() as { token?: string } & Partial<UnsignedOperation>
    if (!token)
      throw new Refused(400, 'InvalidRequest', 'email confirmation token required to sign PLC operations')
    if (token !== account.plcCode) throw new Refused(400, 'InvalidToken', 'Token is invalid')
    account.plcCode = undefined
    const data = call.pds.directory.data(account.did)
    if (!data) throw new Refused(400, 'InvalidRequest', 'Did is tombstoned')
    const { cid, ...current } = data
    // As the reference: what is given replaces the whole map.
    const operation: UnsignedOperation = {
      type: 'plc_operation',
      rotationKeys: asked.rotationKeys ?? current.rotationKeys,
      alsoKnownAs: asked.alsoKnownAs ?? current.alsoKnownAs,
      verificationMethods: asked.verificationMethods ?? current.verificationMethods,
      services: asked.services ?? current.services,
      prev: cid,
    }
    return json({ operation: await signOperation(call.pds.rotationKey, operation) })
  },

  'com.atproto.identity.submitPlcOperation': async (call) => {
    const account = needsAccount(call)
    const { operation } = call.input() as { operation: Operation }
    const { rotationKey, origin, directory, network } = call.pds
    const invalid = (why: string) => new Refused(400, 'InvalidRequest', why)
    if (!operation.rotationKeys.includes(rotationKey.did()))
      throw invalid("Rotation keys do not include server's rotation key")
    if (operation.services['atproto_pds']?.endpoint !== origin)
      throw invalid('Incorrect endpoint on atproto_pds service')
    if (operation.verificationMethods['atproto'] !== account.signingKey.did())
      throw invalid('Incorrect signing key')
    if (operation.alsoKnownAs[0] !== `at://${account.handle}`)
      throw invalid('Incorrect handle in alsoKnownAs')
    const sent = await network
      .fetch(`${directory.origin}/${account.did}`, { method: 'POST', body: JSON.stringify(operation) })
      .catch((cause: unknown) => new Response(String(cause), { status: 502 }))
    // The reference says no more than that.
    if (!sent.ok) throw new Refused(500, 'InternalServerError', 'Internal Server Error')
    return new Response(null, { status: 200 })
  },

  'com.atproto.identity.updateHandle': (call) => {
    needsAccount(call).handle = String(call.input()['handle'])
    return new Response(null, { status: 200 })
  },
}
