-- Takes away what V007__case.sql kept for old code. Run it when none runs any more.
DROP VIEW orders;
