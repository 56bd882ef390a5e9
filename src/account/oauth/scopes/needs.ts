import type { MethodId } from '../../../generated/methods.ts'
import { type Policy, policy } from '../../../policy.ts'
import type { Call } from '../../../xrpc/types.ts'
import { writeAction } from '../../repo/commits/writeAction.ts'
import type { RepoAction, ScopeNeed } from './types.ts'

/** What a request is about. Of a body that is a stream, only its encoding is looked at. */
export type NeedsCall<Id extends MethodId> = Pick<Call<Id>, 'params' | 'input'>

const write = (action: RepoAction, collection: string): ScopeNeed => ({
  resource: 'repo',
  collection,
  action,
})

/** The methods where what is needed depends on the request: a row that says so, and has no entry below, does not compile. */
type MethodWithNeeds = {
  [Id in MethodId]: Policy[Id]['grant'] extends 'repo' | 'blob' | 'serviceAuth' ? Id : never
}[MethodId]

const NEEDS: { readonly [Id in MethodWithNeeds]: (call: NeedsCall<Id>) => ScopeNeed[] } = {
  'com.atproto.repo.applyWrites': ({ input }) =>
    input.writes.map((of) => write(writeAction(of), of.collection)),
  'com.atproto.repo.createRecord': ({ input }) => [write('create', input.collection)],
  'com.atproto.repo.deleteRecord': ({ input }) => [write('delete', input.collection)],
  // Which of the two it does is known only when it is done.
  'com.atproto.repo.putRecord': ({ input: { collection } }) => [
    write('create', collection),
    write('update', collection),
  ],
  'com.atproto.repo.uploadBlob': ({ input }) => [{ resource: 'blob', mime: input.encoding }],
  // A token for no method is one for every method.
  'com.atproto.server.getServiceAuth': ({ params: { aud, lxm = '*' } }) => [{ resource: 'rpc', lxm, aud }],
}

const hasNeeds = (id: MethodId): id is MethodWithNeeds => Object.hasOwn(NEEDS, id)

export interface NeedsDeps {
  /** The service in whose place this server answers for preferences, as `did#id`. */
  appView: string
}

/** What a request needs of its grant's scopes: each of them. */
export interface Needs {
  /** What is known before the body is read. */
  ofMethod(id: MethodId): ScopeNeed[]
  /** What depends on the request. Params and body are those that the method's lexicon allows. */
  ofCall(id: MethodId, call: { params: unknown; input: unknown }): ScopeNeed[]
}

export const createNeeds = ({ appView }: NeedsDeps): Needs => ({
  ofMethod: (id) => (policy[id].grant === 'rpc' ? [{ resource: 'rpc', lxm: id, aud: appView }] : []),
  // The runtime has checked both against the lexicon of `id`.
  ofCall: (id, call) => (hasNeeds(id) ? NEEDS[id](call as never) : []),
})
