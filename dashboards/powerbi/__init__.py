"""The Power BI project: model, measures, report, and the checks of what was written."""
