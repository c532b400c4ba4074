import * as common from "@grafana/grafana-foundation-sdk/common";
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as LinesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { tag, type Board, type Panel, type Query, type Variable } from "../board.ts";

/** Grafana's classic JSON of a board, which Grafana 10 to 13 load: what the oldest of them does not know, none is told. */

/** Whichever Prometheus the reader chooses. */
const datasource = { type: "prometheus", uid: "${datasource}" } as const;
const panelHeight = 8;
const columns = 24;
/** That of Grafana 10, which later ones bring forward; one that is later than their own they cannot take back. */
const schemaVersion = 36;
/**
 * Defaults that the SDK, which is of a later Grafana, fills in: some are not of 10 yet, and some of no kind of variable that a
 * board has.
 */
const unasked: ReadonlySet<string> = new Set([
  ...["allowCustomValue", "auto", "auto_min", "auto_count"],
  ...["showPercentChange", "percentChangeColorMode"],
]);
/** Where the SDK hides whatever may be hidden. */
const hidden: unknown = dashboard.DashboardLinkPlacement.InControlsMenu;

/** @returns JSON */
export function toGrafana(board: Board): string {
  const builder = new dashboard.DashboardBuilder(board.title)
    .uid(board.uid)
    .description(board.description)
    .tags([tag])
    .readonly()
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .time({ from: "now-15m", to: "now" })
    .refresh("5s")
    .withVariable(
      new dashboard.DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"),
    )
    .annotation(
      new dashboard.AnnotationQueryBuilder()
        .name("faults")
        .datasource(datasource)
        .enable(true)
        .iconColor("red")
        .expr("max by (fault, edge, run) (chaos_fault_active) > 0")
        .step("1s")
        .titleFormat("{{fault}} {{edge}}")
        .textFormat("{{run}}"),
    )
    .link(
      new dashboard.DashboardLinkBuilder("Other boards")
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    );
  for (const variable of board.variables) builder.withVariable(variableOf(variable));
  let [x, y] = [0, 0];
  for (const [index, panel] of board.panels.entries()) {
    if (x + panel.width > columns) [x, y] = [0, y + panelHeight];
    builder.withPanel(panelOf(panel, index + 1).gridPos({ x, y, w: panel.width, h: panelHeight }));
    x += panel.width;
  }
  return JSON.stringify({ ...builder.build(), schemaVersion }, (key, value: unknown) =>
    unasked.has(key) || value === hidden ? undefined : value,
  );
}

function variableOf({ name, label, of, isMany }: Variable): dashboard.QueryVariableBuilder {
  const variable = new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query({ query: `label_values(${of}, ${name})`, refId: name })
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc);
  return isMany ? variable.multi(true).includeAll(true).allValue(".+") : variable;
}

function panelOf({ title, description, kind, unit, queries, threshold }: Panel, id: number) {
  const panel = (kind === "stat" ? statPanel() : linesPanel(threshold !== undefined))
    .id(id)
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .noValue("nothing")
    .thresholds(thresholdsOf(threshold));
  for (const [index, query] of queries.entries()) panel.withTarget(queryOf(query, index));
  return panel;
}

function statPanel(): StatBuilder {
  return new StatBuilder()
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.Area)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]));
}

function linesPanel(hasThreshold: boolean): LinesBuilder {
  const lines = new LinesBuilder()
    .min(0)
    .lineWidth(1)
    .fillOpacity(5)
    .showPoints(common.VisibilityMode.Auto)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    );
  return hasThreshold
    ? lines.thresholdsStyle(
        new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed),
      )
    : lines;
}

function thresholdsOf(threshold: Panel["threshold"]): dashboard.ThresholdsConfigBuilder {
  const [below, above] = threshold?.badIs === "below" ? ["red", "green"] : ["green", "red"];
  // The first step is from minus infinity on, which JSON has no number for.
  const steps = [
    { value: null, color: below },
    ...(threshold ? [{ value: threshold.value, color: above }] : []),
  ];
  return new dashboard.ThresholdsConfigBuilder().mode(dashboard.ThresholdsMode.Absolute).steps(steps);
}

function queryOf({ expr, legend, hasExemplars = false }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(String.fromCharCode("A".charCodeAt(0) + index))
    .datasource(datasource)
    .expr(expr)
    .legendFormat(legend)
    .range()
    .exemplar(hasExemplars);
}
