import type { MethodId } from '../../../generated/methods.ts'
import type { Call } from '../../../xrpc/types.ts'
import { writeAction } from '../../repo/commits/writeAction.ts'
import type { RepoAction, ScopeNeed } from '../types.ts'

/** What a request is about. Of a body that is a stream, only its encoding is looked at. */
export type NeedsCall<Id extends MethodId> = Pick<Call<Id>, 'params' | 'input'>

const write = (action: RepoAction, collection: string): ScopeNeed => ({
  resource: 'repo',
  collection,
  action,
})

/** The methods where what a request needs depends on the request. */
export type MethodWithNeeds =
  | 'com.atproto.repo.applyWrites'
  | 'com.atproto.repo.createRecord'
  | 'com.atproto.repo.deleteRecord'
  | 'com.atproto.repo.putRecord'
  | 'com.atproto.repo.uploadBlob'
  | 'com.atproto.server.getServiceAuth'

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

/** What a request needs of its grant's scopes: each of them. */
export const needsOf = <Id extends MethodWithNeeds>(id: Id, call: NeedsCall<Id>): ScopeNeed[] =>
  NEEDS[id](call)

/** Methods that are answered with the help of a service that is asked for another method. */
const ALSO: Readonly<Record<string, string>> = {
  'app.bsky.feed.getFeed': 'app.bsky.feed.getFeedSkeleton',
}

/**
 * The same for a request that is for a service, also where this server answers in its place (the preferences). `service` is
 * the one that the client names or that is configured, as `did#id`; the token that is signed names the DID alone.
 */
export const needsOfService = (lxm: string, service: string): ScopeNeed[] =>
  [lxm, ALSO[lxm]].filter((of) => of !== undefined).map((of) => ({ resource: 'rpc', lxm: of, aud: service }))
