// Long lists against a source of 100,000 rows: everything can be reached, and memory does not grow.
import { fireEvent, render, waitFor } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { listOf, pagesOf, route, type Backend } from "./backend";
import { KEPT_PAGES_MAX, LongPages, whole, type Source } from "./long.svelte";
import LongListOfNumbers from "./test/LongListOfNumbers.svelte";

const ROWS = 100_000;
const PAGE_ROWS = 50;
const ROW_PX = 40;
const VIEW_PX = 800;

/** Numbers by cursor, and which cursors were asked for. */
function numbers(rows = ROWS): { source: Source<number>; asked: (string | null)[] } {
  const asked: (string | null)[] = [];
  const source: Source<number> = (cursor) => {
    asked.push(cursor);
    const first = Number(cursor ?? 0);
    const data = Array.from({ length: Math.min(PAGE_ROWS, rows - first) }, (_, at) => first + at);
    const next = first + data.length;
    return Promise.resolve({ data, cursor: next < rows ? String(next) : null });
  };
  return { source, asked };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
};

const kept = (pages: LongPages<number>): number =>
  pages.slots.reduce((sum, { rows }) => sum + (rows?.length ?? 0), 0);
const drawn = (pages: LongPages<number>): number[] =>
  pages.segments.flatMap((segment) => (segment.kind === "page" ? segment.slot.rows : []));

/** Draws what is to be drawn, and looks at that place, as the list does. */
async function scrollTo(pages: LongPages<number>, from_px: number): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    for (const segment of pages.segments) {
      if (segment.kind === "page") {
        pages.measured(segment.at, segment.slot.count * ROW_PX);
      }
    }
    pages.see(from_px, from_px + VIEW_PX);
    await settle();
  }
}

describe("l3: a list longer than memory", () => {
  it("is reached to its end by scrolling, and keeps a few pages at any time", async () => {
    const pages = new LongPages<number>();
    const { source } = numbers();
    pages.ask(source);
    await settle();
    const seen = new Set<number>();
    let [kept_max, drawn_max] = [0, 0];
    for (let at_px = 0; at_px < ROWS * ROW_PX; at_px += PAGE_ROWS * ROW_PX) {
      await scrollTo(pages, at_px);
      for (const row of drawn(pages)) seen.add(row);
      kept_max = Math.max(kept_max, kept(pages));
      drawn_max = Math.max(drawn_max, drawn(pages).length);
    }
    expect(seen.size).toBe(ROWS);
    expect(pages.complete).toBe(true);
    expect(pages.count).toBe(ROWS);
    expect(kept_max).toBeLessThanOrEqual((KEPT_PAGES_MAX + 1) * PAGE_ROWS);
    expect(drawn_max).toBeLessThanOrEqual(4 * PAGE_ROWS);
    // The room of what is not drawn is left: the list is as high as all of its rows.
    const height_px = pages.slots.reduce((sum, slot) => sum + slot.height_px, 0);
    expect(height_px).toBe(ROWS * ROW_PX);
  }, 60_000);

  it("asks again, by its cursor, for what was dropped and is scrolled back to", async () => {
    const pages = new LongPages<number>();
    const { source, asked } = numbers(2_000);
    pages.ask(source);
    await settle();
    for (let at_px = 0; at_px < 2_000 * ROW_PX; at_px += VIEW_PX) await scrollTo(pages, at_px);
    expect(asked.filter((cursor) => cursor === null)).toHaveLength(1);
    expect(drawn(pages)).not.toContain(0);
    await scrollTo(pages, 0);
    expect(asked.filter((cursor) => cursor === null)).toHaveLength(2);
    expect(drawn(pages).slice(0, 3)).toEqual([0, 1, 2]);
    expect(kept(pages)).toBeLessThanOrEqual((KEPT_PAGES_MAX + 1) * PAGE_ROWS);
  });

  it("keeps the page that has the focus drawn, wherever it is scrolled to", async () => {
    const pages = new LongPages<number>();
    pages.ask(numbers(2_000).source);
    await settle();
    pages.hold(0);
    for (let at_px = 0; at_px < 1_500 * ROW_PX; at_px += VIEW_PX) await scrollTo(pages, at_px);
    expect(drawn(pages)).toContain(0);
    pages.hold(null);
    await scrollTo(pages, 1_500 * ROW_PX);
    expect(drawn(pages)).not.toContain(0);
  });

  it("says what went wrong, asks no more by itself, and goes on when it is told to", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const pages = new LongPages<number>();
    const { source } = numbers(200);
    let broken = false;
    let tries = 0;
    pages.ask((cursor) => {
      tries += 1;
      return broken ? Promise.reject(new Error("away")) : source(cursor);
    });
    await settle();
    broken = true;
    await scrollTo(pages, 1_000);
    await scrollTo(pages, 1_200);
    expect([tries, pages.error !== null, pages.count]).toEqual([2, true, 50]);
    broken = false;
    pages.retry();
    await settle();
    expect([pages.error, pages.count]).toEqual([null, 100]);
  });

  it("drops the answer to a question that is not asked any more", async () => {
    const pages = new LongPages<number>();
    let answer: (rows: number[]) => void = () => undefined;
    pages.ask(() => new Promise((done) => (answer = (data) => done({ data, cursor: null }))));
    const first = answer;
    pages.ask(() => Promise.resolve({ data: [2], cursor: null }));
    await settle();
    first([1]);
    await settle();
    expect(drawn(pages)).toEqual([2]);
  });

  it("reads what is there again in its place, and goes on from where it ends now", async () => {
    let rows = 120;
    const pages = new LongPages<number>();
    pages.ask((cursor) => numbers(rows).source(cursor));
    await settle();
    pages.more();
    await settle();
    pages.more();
    await settle();
    expect([pages.count, pages.complete]).toEqual([120, true]);
    rows = 80;
    pages.again();
    await settle();
    await settle();
    expect([pages.count, pages.complete]).toEqual([80, true]);
    expect(drawn(pages)).toEqual(Array.from({ length: 80 }, (_, at) => at));
  });

  it("takes a list that is answered whole, by cursor, or by a number to skip", async () => {
    const all = Array.from({ length: 450 }, (_, at) => at);
    const asked: unknown[] = [];
    const answering = (hasCursors: boolean) =>
      ({
        call: async (_route: unknown, _id: null, query: Record<string, unknown>) => {
          asked.push(query);
          const from = Number(query["_cursor"] ?? query["_skip"] ?? 0);
          const data = all.slice(from, from + Number(query["_limit"]));
          const has_more = from + data.length < all.length;
          const cursor = hasCursors && has_more ? String(from + data.length) : null;
          return { data, has_more, cursor };
        },
      }) as never as Backend;
    const sources: Source<unknown>[] = [
      whole<unknown>(() => Promise.resolve(all)),
      pagesOf(answering(true), route.listLeads, { _limit: 50 }),
      pagesOf(answering(false), route.listLeads, { _limit: 50 }),
    ];
    for (const source of sources) {
      const rows: unknown[] = [];
      for (let cursor: string | null = null, first = true; first || cursor; first = false) {
        const page = await source(cursor);
        rows.push(...page.data);
        cursor = page.cursor;
      }
      expect(rows).toEqual(all);
    }
    expect(asked).toHaveLength(18);
    for (const hasCursors of [true, false]) {
      expect(await listOf(answering(hasCursors), route.listLeads, {})).toEqual(all);
    }
    expect(asked).toHaveLength(18 + 6);
  });
});

describe("l3: what is drawn of a long list", () => {
  let scrolled_px = 0;
  beforeEach(() => {
    scrolled_px = 0;
    vi.spyOn(window, "innerHeight", "get").mockReturnValue(VIEW_PX);
    // A layout in which each row is as high as any other.
    vi.spyOn(HTMLElement.prototype, "getBoundingClientRect").mockImplementation(function (
      this: HTMLElement,
    ) {
      const height = this.querySelectorAll("tr[aria-rowindex]").length * ROW_PX;
      return { top: -scrolled_px, height } as DOMRect;
    });
  });
  afterEach(() => void vi.restoreAllMocks());

  const show = async (rows: number) => {
    const pages = new LongPages<number>();
    pages.ask(numbers(rows).source);
    const page = render(LongListOfNumbers, { pages });
    const scroll = async (to_px: number): Promise<void> => {
      scrolled_px = to_px;
      await fireEvent.scroll(document);
      await tick();
    };
    await page.findByText("0");
    return { pages, page, scroll };
  };

  it("is a bounded number of rows, each with its place in the whole", async () => {
    const { page, pages, scroll } = await show(ROWS);
    const table = page.getByRole("table", { name: "Numbers" });
    expect(table.getAttribute("aria-rowcount")).toBe("-1");
    for (let at_px = 0; at_px <= 40_000; at_px += VIEW_PX) {
      await scroll(at_px);
      await waitFor(() => expect(pages.count * ROW_PX).toBeGreaterThan(at_px + VIEW_PX));
    }
    await waitFor(() => {
      const rows = [...table.querySelectorAll("tr[aria-rowindex]")];
      expect(rows.length).toBeLessThanOrEqual(4 * PAGE_ROWS);
      const seen = rows.find((row) => row.textContent === "1000");
      // The row of headers is the first.
      expect(seen?.getAttribute("aria-rowindex")).toBe("1002");
    });
    expect(table.querySelector("[data-gap][aria-hidden=true]")).not.toBeNull();
  });

  it("tells how many rows there are once that is known", async () => {
    const { page, scroll } = await show(60);
    await scroll(1_000);
    const table = page.getByRole("table", { name: "Numbers" });
    await waitFor(() => expect(table.getAttribute("aria-rowcount")).toBe("61"));
    expect(page.queryByTestId("more")).toBeNull();
  });

  it("keeps the focus while it is scrolled away from it", async () => {
    const { page, pages, scroll } = await show(1_000);
    const first = page.getByText("0");
    first.focus();
    for (let at_px = 0; at_px <= 20_000; at_px += VIEW_PX) {
      await scroll(at_px);
      await waitFor(() => expect(pages.count * ROW_PX).toBeGreaterThan(at_px + VIEW_PX));
    }
    await waitFor(() => expect(page.queryByText("200")).toBeNull());
    expect(document.activeElement).toBe(first);
  });
});
