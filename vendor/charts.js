// Only what the pages draw: lines and bars in time, zoom, shaded windows, limits, richText tooltips.
import { BarChart, LineChart } from "echarts/charts";
import {
  AriaComponent, AxisPointerComponent, DataZoomComponent, GridComponent, LegendComponent,
  MarkAreaComponent, MarkLineComponent, TooltipComponent,
} from "echarts/components";
import { init, registerLocale, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import zh from "echarts/lib/i18n/langZH.js";
import en from "echarts/lib/i18n/langEN.js";

use([
  AriaComponent, AxisPointerComponent, BarChart, CanvasRenderer, DataZoomComponent, GridComponent,
  LegendComponent, LineChart, MarkAreaComponent, MarkLineComponent, TooltipComponent,
]);
registerLocale("ZH", zh);
registerLocale("EN", en);

window.echarts = { init };
