/** Requests as they are sent: with what the answer depends on, and nothing else. */

import { type PatchRequest, requestOf } from "../model/patch";
import type { Source } from "../model/source";

/** What is put into the host, if it is not the other run. */
export function ownSource({ source = "source" }: { readonly source?: Source | undefined }): {
  readonly source?: Source;
} {
  return source === "source" ? {} : { source };
}

export function sentOf(request: PatchRequest): PatchRequest {
  const { source, ...rest } = requestOf(request);
  return { ...rest, ...ownSource({ source }) };
}
