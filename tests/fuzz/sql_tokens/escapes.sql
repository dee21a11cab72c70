SELECT E'a''\'' || 'b', E'c'
'\''; SELECT 1