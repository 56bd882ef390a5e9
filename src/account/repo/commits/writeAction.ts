import type { InputSchema } from '../../../generated/types/com/atproto/repo/applyWrites.ts'

/** What a write of `applyWrites` does: the lexicon's union is closed, so `$type` is one of three. */
export const writeAction = ({ $type }: InputSchema['writes'][number]): 'create' | 'update' | 'delete' =>
  $type === 'com.atproto.repo.applyWrites#create'
    ? 'create'
    : $type === 'com.atproto.repo.applyWrites#update'
      ? 'update'
      : 'delete'
