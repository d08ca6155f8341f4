/** The messages between kernel and page (docs/protocol.md), as types. Costs nothing at run time. */

import type { Edit, Tokenised } from "../model/edit";
import type { Scene } from "../model/experiment";
import type { Fact, FactRequest } from "../model/facts";
import type { TextFile, WrittenFormat } from "../model/file";
import type { MapData, MapSweepRequest } from "../model/map";
import type { Mark, Marked } from "../model/mark";
import type { NeuronList, NeuronsRequest } from "../model/neurons";
import type { PatchRequest } from "../model/patch";
import type { Position } from "../model/position";
import type { PastResult, Result, Single } from "../model/result";
import type { Failure } from "../model/status";

export type Incoming =
  | { readonly kind: "ack"; readonly id: number }
  | { readonly kind: "dropped"; readonly id: number; readonly why: string }
  | { readonly kind: "error"; readonly id: number; readonly failure: Failure }
  | { readonly kind: "scene"; readonly id: number; readonly scene: Scene }
  | { readonly kind: "result"; readonly id: number; readonly result: Result }
  | { readonly kind: "history"; readonly id: number; readonly results: readonly PastResult[] }
  | { readonly kind: "singles"; readonly id: number; readonly singles: readonly Single[] }
  | { readonly kind: "cells"; readonly id: number; readonly map: MapData }
  | { readonly kind: "swept"; readonly id: number }
  | { readonly kind: "neurons"; readonly id: number; readonly neurons: NeuronList }
  | { readonly kind: "tokens"; readonly id: number; readonly tokens: Tokenised }
  | { readonly kind: "code"; readonly id: number; readonly code: string }
  | { readonly kind: "export"; readonly id: number; readonly file: TextFile }
  | { readonly kind: "marked"; readonly id: number; readonly marked: Marked }
  /** The answer to a question, whatever its kind. */
  | { readonly kind: "fact"; readonly id: number; readonly fact: Fact };

export type Outgoing =
  | { readonly v: 1; readonly kind: "hello"; readonly id: number }
  | ({ readonly v: 1; readonly kind: "patch"; readonly id: number } & PatchRequest)
  | ({ readonly v: 1; readonly kind: "sweep"; readonly id: number } & MapSweepRequest)
  | ({ readonly v: 1; readonly kind: "neurons"; readonly id: number } & NeuronsRequest)
  | ({ readonly v: 1; readonly kind: "code"; readonly id: number } & PatchRequest)
  | ({
      readonly v: 1;
      readonly kind: "export";
      readonly id: number;
      readonly format: WrittenFormat;
    } & PatchRequest)
  | ({ readonly v: 1; readonly kind: "mark"; readonly id: number } & PatchRequest & Mark)
  | ({ readonly v: 1; readonly kind: "tokens"; readonly id: number } & Edit)
  | ({ readonly v: 1; readonly id: number } & FactRequest)
  | {
      readonly v: 1;
      readonly kind: "position";
      readonly id: number;
      readonly position: Position;
    }
  | { readonly v: 1; readonly kind: "cancel"; readonly id: number };
