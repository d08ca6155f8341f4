/** What a client tells about the kernel. */

import type { Tokenised } from "../model/edit";
import type { Scene } from "../model/experiment";
import type { Fact, FactKind } from "../model/facts";
import type { TextFile } from "../model/file";
import type { MapData } from "../model/map";
import type { Marked } from "../model/mark";
import type { NeuronList } from "../model/neurons";
import type { PastResult, Result, Single } from "../model/result";
import type { Connection, Failure } from "../model/status";

/** What the kernel says about a sweep. */
export type SweepReply =
  | { readonly type: "map"; readonly map: MapData }
  | { readonly type: "swept"; readonly id: number }
  | { readonly type: "dropped"; readonly id: number; readonly why: string }
  | { readonly type: "failed"; readonly id: number; readonly failure: Failure };

/** What the kernel says about a question. */
type FactReply =
  | { readonly type: "answered"; readonly id: number; readonly fact: Fact }
  | { readonly type: "dropped"; readonly kind: FactKind; readonly id: number }
  | {
      readonly type: "failed";
      readonly kind: FactKind;
      readonly id: number;
      readonly failure: Failure;
    };

export type KernelEvent =
  | { readonly type: "scene"; readonly scene: Scene }
  | { readonly type: "result"; readonly result: Result }
  | { readonly type: "history"; readonly results: readonly PastResult[] }
  | { readonly type: "singles"; readonly id: number; readonly singles: readonly Single[] }
  | { readonly type: "sweep"; readonly event: SweepReply }
  | { readonly type: "neurons"; readonly id: number; readonly list: NeuronList }
  | { readonly type: "neurons-failed"; readonly id: number; readonly failure: Failure }
  | { readonly type: "written"; readonly id: number; readonly file: TextFile }
  | { readonly type: "unwritten"; readonly id: number; readonly failure: Failure }
  | { readonly type: "marked"; readonly marked: Marked }
  | { readonly type: "code"; readonly id: number; readonly code: string }
  /** Undefined if they could not be told. */
  | { readonly type: "tokens"; readonly id: number; readonly tokens: Tokenised | undefined }
  | { readonly type: "fact"; readonly event: FactReply }
  | { readonly type: "dropped" }
  /** `ended`: nothing is waited for any more. Otherwise the failure is of another request than the newest one. */
  | { readonly type: "failed"; readonly failure: Failure; readonly ended: boolean }
  | { readonly type: "connection"; readonly connection: Connection };
